// One vector for each text.
import OpenAI from "openai";

const client = new OpenAI();
const answer = await client.embeddings.create({
  model: process.env.EMBEDDING_MODEL ?? "text-embedding-3-small",
  input: ["a service mesh", "a fishing net"],
});
for (const one of answer.data) {
  console.log(`text ${one.index}: a vector of ${one.embedding.length} numbers`);
}
