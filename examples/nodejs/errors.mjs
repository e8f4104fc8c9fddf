// What can go wrong, and which exception says so.
//
// The SDK tries again by itself (`maxRetries`, 2 by default): after 429 it waits as long as the gateway's
// `retry-after` says. What reaches a `catch` has already been tried.
import OpenAI from "openai";

const MODEL = process.env.MODEL ?? "gpt-4.1-mini";

async function ask(client, model) {
  try {
    const answer = await client.chat.completions.create({ model, messages: [{ role: "user", content: "Hello" }] });
    return `answered: ${answer.choices[0].message.content}`;
  } catch (error) {
    if (error instanceof OpenAI.AuthenticationError) return "401: the gateway doesn't know this key";
    if (error instanceof OpenAI.NotFoundError) return `404: ${error.error.message}`;
    // The budget of this key's tenant is spent; `retry-after` is in seconds.
    if (error instanceof OpenAI.RateLimitError) return `429: try again in ${error.headers.get("retry-after")} s`;
    // The id stands in the gateway's log: give it to whoever runs the gateway.
    if (error instanceof OpenAI.APIError) return `${error.status}: ${error.message} (request ${error.requestID})`;
    throw error;
  }
}

console.log("a key that nobody knows:", await ask(new OpenAI({ apiKey: "not-a-key" }), MODEL));
console.log("a model that isn't there:", await ask(new OpenAI(), "no-such-model"));
console.log("waits and tries again:", await ask(new OpenAI({ maxRetries: 2 }), MODEL));
