// Load for a gateway: chats, streams and a client that spends its budget, each at a steady rate of its own.
// `make load` runs it against a gateway of this machine; GATEWAY and KEY point it at another.
import http from "k6/http";
import { check } from "k6";
import { Counter, Trend } from "k6/metrics";

const gateway = __ENV.GATEWAY;
const key = __ENV.KEY;
const model = __ENV.MODEL || "gpt-4.1-mini";
const rate = Number(__ENV.RATE || 6); // chats a second; half as many streams
const duration = __ENV.DURATION || "20s";
const slowest = Number(__ENV.P95_MS || 250); // the gateway's own share is a few ms; the rest is the provider's

const firstEvent = new Trend("stream_first_byte", true);
const refused = new Counter("refused_with_retry_after");

function steady(exec, perSecond) {
  // Rates below one a second need a longer unit of time.
  return {
    executor: "constant-arrival-rate", exec, duration,
    rate: Math.max(1, Math.round(perSecond * 10)), timeUnit: "10s",
    preAllocatedVUs: 10, maxVUs: 200,
  };
}

export const options = {
  scenarios: {
    chats: steady("chat", rate),
    streams: steady("stream", rate / 2),
    // Only where a key with a small budget is given: it has to be refused well, and to disturb nobody.
    ...(__ENV.SMALL_KEY ? { spenders: steady("spend", 1) } : {}),
  },
  thresholds: {
    checks: ["rate==1"],
    "http_req_failed{scenario:chats}": ["rate==0"],
    "http_req_failed{scenario:streams}": ["rate==0"],
    "http_req_duration{scenario:chats}": [`p(95)<${slowest}`],
    stream_first_byte: [`p(95)<${slowest}`],
    dropped_iterations: ["count==0"],
  },
  insecureSkipTLSVerify: __ENV.INSECURE === "1",
};

function ask(bearer, body) {
  return http.post(`${gateway}/v1/chat/completions`, JSON.stringify({ model, ...body }), {
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
    timeout: "60s",
  });
}

// A question of its own each time, so that the provider is asked and not the cache.
function question() {
  return [{ role: "user", content: `Say ${__VU}-${__ITER}-${Date.now()} in one word.` }];
}

export function chat() {
  const answer = ask(key, { messages: question() });
  check(answer, {
    "a chat is answered": (r) => r.status === 200 && typeof r.json("choices.0.message.content") === "string",
    "its tokens are counted": (r) => r.json("usage.total_tokens") > 0,
  });
}

export function stream() {
  const answer = ask(key, { messages: question(), stream: true, stream_options: { include_usage: true } });
  firstEvent.add(answer.timings.waiting);
  check(answer, {
    "a stream comes to its end": (r) => r.status === 200 && r.body.trimEnd().endsWith("data: [DONE]"),
    "its totals come with it": (r) => r.body.includes('"total_tokens"'),
  });
}

export function spend() {
  const answer = ask(__ENV.SMALL_KEY, { messages: question() });
  if (answer.status === 429) refused.add(1);
  check(answer, {
    "a spent budget is 429 with a time to wait": (r) =>
      r.status === 200 || (r.status === 429 && Number(r.headers["Retry-After"]) > 0 && r.json("error.message") !== ""),
  });
}
