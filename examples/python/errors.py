"""What can go wrong, and which exception says so.

The SDK tries again by itself (`max_retries`, 2 by default): after 429 it waits as long as the gateway's
`retry-after` says. What reaches an `except` has already been tried.
"""

import os

import openai

MODEL = os.environ.get("MODEL", "gpt-4.1-mini")


def ask(client: openai.OpenAI, model: str) -> str:
    try:
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
        return f"answered: {answer.choices[0].message.content}"
    except openai.AuthenticationError:
        return "401: the gateway doesn't know this key"
    except openai.NotFoundError as error:
        return f"404: {error.body['message']}"
    except openai.RateLimitError as error:
        # The budget of this key's tenant is spent; `retry-after` is in seconds.
        return f"429: try again in {error.response.headers['retry-after']} s"
    except openai.APIStatusError as error:
        # The id stands in the gateway's log: give it to whoever runs the gateway.
        return f"{error.status_code}: {error.message} (request {error.request_id})"


print("a key that nobody knows:", ask(openai.OpenAI(api_key="not-a-key"), MODEL))
print("a model that isn't there:", ask(openai.OpenAI(), "no-such-model"))
print("waits and tries again:", ask(openai.OpenAI(max_retries=2), MODEL))
