// The official OpenAI SDK for Node against a gateway. Reads one job from standard
// input, {"baseURL", "apiKey", "call", "arguments"}, and prints what the SDK made of
// the answer: {"result"} or {"error": {name, status, code, type, message}}.
import OpenAI from "openai";

const calls = {
  async chat(client, request) {
    const { data, response } = await client.chat.completions.create(request).withResponse();
    return {
      content: data.choices[0].message.content,
      toolCalls: data.choices[0].message.tool_calls ?? [],
      finish: data.choices[0].finish_reason,
      usage: data.usage,
      cache: response.headers.get("x-ai-cache"),
    };
  },

  async stream(client, request) {
    const pieces = [];
    let finish = null;
    let usage = null;
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
      usage = chunk.usage ?? usage;
      if (chunk.choices.length === 0) continue;
      if (chunk.choices[0].delta.content) pieces.push(chunk.choices[0].delta.content);
      finish = chunk.choices[0].finish_reason ?? finish;
    }
    return { content: pieces.join(""), pieces: pieces.length, finish, usage };
  },

  async models(client) {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return { names };
  },

  async embeddings(client, request) {
    const { data } = await client.embeddings.create(request);
    return { vectors: data.map((one) => Array.from(one.embedding)) };
  },
};

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const job = JSON.parse(Buffer.concat(chunks).toString());
const client = new OpenAI({ baseURL: job.baseURL, apiKey: job.apiKey, maxRetries: 0, timeout: 20_000 });

let outcome;
try {
  outcome = { result: await calls[job.call](client, job.arguments) };
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  outcome = {
    error: {
      name: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      type: error.type ?? null,
      retryAfter: error.headers?.get("retry-after") ?? null,
      message: error.message,
    },
  };
}
console.log(JSON.stringify(outcome));
