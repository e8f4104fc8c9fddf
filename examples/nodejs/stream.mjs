// The same as a stream: each piece is printed as it comes, the totals come last.
import OpenAI from "openai";

const client = new OpenAI();
const stream = await client.chat.completions.create({
  model: process.env.MODEL ?? "gpt-4.1-mini",
  messages: [{ role: "user", content: "What is a service mesh? One paragraph." }],
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  if (chunk.usage) {
    console.log(`\n${chunk.usage.prompt_tokens} tokens in, ${chunk.usage.completion_tokens} out`);
  }
}
