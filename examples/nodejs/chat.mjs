// A chat completion. The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY by itself.
import OpenAI from "openai";

const client = new OpenAI();
const answer = await client.chat.completions.create({
  model: process.env.MODEL ?? "gpt-4.1-mini",
  messages: [{ role: "user", content: "What is a service mesh? One sentence." }],
});
console.log(answer.choices[0].message.content);
console.log(`${answer.usage.prompt_tokens} tokens in, ${answer.usage.completion_tokens} out`);
