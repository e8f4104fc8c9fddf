// The models that this key may use; the gateway answers by itself.
import OpenAI from "openai";

for await (const model of new OpenAI().models.list()) {
  console.log(model.id);
}
