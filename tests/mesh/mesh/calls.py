"""Calls that run all the time while something is changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import openai

from bed import identity
from bed.gateway import Gateway

CALLERS = 3
"""Connections at once; the gateway has two workers."""

WAIT_SECONDS = 20.0


def client(gateway: Gateway, tenant: str) -> openai.OpenAI:
    """The official SDK, which does not retry here: a test counts what fails."""
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=identity.key(tenant), max_retries=0, timeout=20)


def ask(sdk: openai.OpenAI, model: str = "plain-gpt") -> str:
    """One chat completion that no cache answers."""
    answer = sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": identity.fresh()}])
    return answer.choices[0].message.content


def status_of(sdk: openai.OpenAI, model: str = "plain-gpt") -> int:
    """The HTTP status that a call ends with."""
    try:
        ask(sdk, model)
    except openai.APIStatusError as refused:
        return refused.status_code
    return 200


class SteadyCalls:
    """Callers of one tenant, each of which asks again as soon as it has an answer."""

    def __init__(self, gateway: Gateway, tenant: str):
        self._changed = threading.Condition()
        self._over = threading.Event()
        self.answered = 0
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(client(gateway, tenant),)) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def go_on(self, count: int = 30) -> None:
        """Returns when as many more calls are answered: the last of them began after this was asked."""
        with self._changed:
            wanted = self.answered + count + CALLERS
            if not self._changed.wait_for(lambda: self.answered >= wanted or self.failures, WAIT_SECONDS):
                raise AssertionError(f"{self.answered} calls were answered, not {wanted}, in {WAIT_SECONDS} s")

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)

    def _run(self, sdk: openai.OpenAI) -> None:
        with sdk:
            while not self._over.is_set():
                self._note(sdk)

    def _note(self, sdk: openai.OpenAI) -> None:
        failure = None
        try:
            ask(sdk)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            time.sleep(0.1)
        with self._changed:
            self.answered += failure is None
            self.failures += [failure] if failure else []
            self._changed.notify_all()


@contextmanager
def steady_calls(gateway: Gateway, tenant: str = "e2e-blue") -> Iterator[SteadyCalls]:
    """While the block runs, calls run; not one may fail."""
    calls = SteadyCalls(gateway, tenant)
    try:
        calls.go_on()
        yield calls
        calls.go_on()
    finally:
        calls.stop()
    assert calls.failures == []
