"""Prometheus text from Envoy's admin port, read back as numbers."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass

SAMPLE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Metrics:
    def __init__(self, admin_url: str):
        self._url = f"{admin_url}/stats/prometheus"

    def samples(self) -> list[Sample]:
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            return parse(answer.read().decode())

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name that carry these labels, others aside."""
        return sum(sample.value for sample in self.samples()
                   if sample.name == name and labels.items() <= sample.labels.items())

    def names(self) -> set[str]:
        return {sample.name for sample in self.samples()}


def parse(text: str) -> list[Sample]:
    found = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        matched = SAMPLE.match(line)
        if matched is None:
            raise AssertionError(f"not a Prometheus line: {line[:200]}")
        labels = dict(LABEL.findall(matched[2] or ""))
        found.append(Sample(matched[1], labels, float(matched[3])))
    return found
