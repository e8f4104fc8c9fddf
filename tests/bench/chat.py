"""The traffic: one chat completion request of 1.9 KB, and the answer that the upstream always gives.

Each request carries a serial number in its last message, of constant width: a number that grows makes every
request a new one (a cache miss), a number that stays makes them all the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

MODEL = "gpt-4.1-mini"
PATH = "/v1/chat/completions"

SERIAL = "000000000000"
"""Stands in the request's template where the load generator writes its number."""

ADDRESS = "m.lindqvist@example.com"
NO_ADDRESS = "the account's lead user"
"""As long as the address, so that both bodies have one size."""

_SYSTEM = (
    "You are the support assistant of a company that runs warehouses. Answer in the customer's language, in at most "
    "five sentences. Say which document an answer rests on. Where the documents below don't answer the question, say "
    "so and offer to open a ticket; never guess a date, a price or a tracking number.\n\n"
    "Document 1, \"Returns\": goods may be returned within 30 days of delivery, unopened, with the order's number on "
    "the parcel. The refund is paid to the original means of payment within ten working days of receipt.\n"
    "Document 2, \"Delivery\": standard delivery takes two to four working days; a pallet takes up to eight. A parcel "
    "that wasn't handed over goes to the nearest pick-up point and waits there for seven days.\n"
    "Document 3, \"Assembly\": every shelf unit comes with a sheet of instructions and a bag of screws; missing parts "
    "are sent free of charge within three working days. Units above 1.80 m must be fixed to a wall, and the anchors "
    "for brick, concrete and plasterboard are sold separately. The assembly service visits on workdays between 8 and "
    "18 h, by appointment only."
)

_TURNS = (
    ("user", "Hello, I ordered two shelf units on Monday and only one has arrived. Is the other one still on its way?"),
    ("assistant", "Thank you for your message. Large items are sent as separate parcels, and a pallet takes up to eight "
                  "working days (document \"Delivery\"). If you give me the order's number, I can check whether both "
                  "have left the warehouse."),
    ("user", f"It is order {SERIAL}. Please write to {ADDRESS} when you know more. And in case the second one "
             "doesn't come before the 14th: can I send the first one back, and who pays for the pick-up? It weighs "
             "about 38 kg, so I can't carry it to a shop."),
)

_BODY = {
    "model": MODEL,
    "messages": [{"role": "system", "content": _SYSTEM},
                 *({"role": role, "content": content} for role, content in _TURNS)],
    "temperature": 0.2,
    "max_tokens": 400,
    "user": "customer-20417",
}

ANSWER = {
    "id": "chatcmpl-BenchBenchBenchBenchBench0001",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-4.1-mini-2025-04-14",
    "choices": [{
        "index": 0,
        "message": {
            "role": "assistant",
            "content": "Both shelf units were booked as separate parcels, and a pallet may take up to eight working "
                       "days (document \"Delivery\"), so the second one can still arrive in time. If it does not, you "
                       "may return the first within 30 days of delivery as long as it is unopened (document "
                       "\"Returns\"). The documents do not say who pays for a pick-up: shall I open a ticket for that?",
            "refusal": None,
            "annotations": [],
        },
        "logprobs": None,
        "finish_reason": "stop",
    }],
    "usage": {
        "prompt_tokens": 402, "completion_tokens": 84, "total_tokens": 486,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                                      "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_bench000001",
}


CREDENTIAL = "{CREDENTIAL}"
"""Stands in the request's template where the load generator writes the caller's credential."""


class Credential(Enum):
    KEY = "an API key"
    TOKEN = "one JWT"
    TOKENS = "many JWTs, and nothing keeps a verdict"


@dataclass(frozen=True)
class Traffic:
    """What the load generators send in a run."""

    same_request: bool = False
    """Always the same one, so that a cache has the answer; else each is new."""
    address: bool = False
    """An e-mail address stands in the last message."""
    credential: Credential = Credential.KEY


def answer() -> str:
    """The upstream's answer, printed as OpenAI's servers print it."""
    return json.dumps(ANSWER, indent=2)


def body(traffic: Traffic) -> bytes:
    """The request's body, as the official SDK writes it (no spaces), with `SERIAL` in it once."""
    text = json.dumps(_BODY, separators=(",", ":"))
    if not traffic.address:
        text = text.replace(ADDRESS, NO_ADDRESS)
    return text.encode()


def request(traffic: Traffic) -> bytes:
    """The whole HTTP/1.1 request with the headers that a client of the API sends."""
    content = body(traffic)
    head = (
        f"POST {PATH} HTTP/1.1\r\n"
        "Host: gateway.bench.example.com\r\n"
        "Accept: application/json\r\n"
        "Content-Type: application/json\r\n"
        "User-Agent: OpenAI/Python 2.0.0\r\n"
        f"Authorization: Bearer {CREDENTIAL}\r\n"
        f"Content-Length: {len(content)}\r\n"
        "\r\n"
    )
    return head.encode() + content
