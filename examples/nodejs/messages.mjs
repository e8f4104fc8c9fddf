// A message with Anthropic's SDK, which reads ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY; then the same streamed.
import Anthropic from "@anthropic-ai/sdk";

const request = {
  model: process.env.ANTHROPIC_MODEL ?? "claude-sonnet-4-6",
  max_tokens: 256,
  messages: [{ role: "user", content: "What is a service mesh? One sentence." }],
};

const client = new Anthropic();
const message = await client.messages.create(request);
console.log(message.content[0].text);
console.log(`${message.usage.input_tokens} tokens in, ${message.usage.output_tokens} out`);

const stream = client.messages.stream(request);
stream.on("text", (text) => process.stdout.write(text));
await stream.finalMessage();
console.log();
