"""What ships below monitoring/, as kustomize builds it, and the rules in it."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
RUNNER = Path(os.environ.get("E2E_RUNNER", REPOSITORY / ".build/bin/local-run"))
BUILD_SECONDS = 60

EXAMPLE = "https://git.example.com/ai-gateway/blob/main"
"""Where the runbooks are in the cases of rules/: whoever puts an address of their own into the overlay needn't change these."""


@functools.cache
def built(directory: str) -> tuple[dict, ...]:
    """The resources of a kustomize directory, built once a run. Don't change them: copy them first."""
    done = subprocess.run([str(RUNNER), "-overlay", directory, "-build"], cwd=REPOSITORY,
                          capture_output=True, text=True, timeout=BUILD_SECONDS)
    assert done.returncode == 0, done.stderr.strip()
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)


def production() -> tuple[dict, ...]:
    return built("monitoring/overlays/prod")


@dataclass(frozen=True)
class Rule:
    """An alert or a recording rule, and the resource that it stands in."""

    resource: str
    fields: dict

    @property
    def is_alert(self) -> bool:
        return "alert" in self.fields

    @property
    def name(self) -> str:
        return self.fields.get("alert") or self.fields.get("record") or "a rule without a name"

    @property
    def place(self) -> str:
        return f"{self.resource}, {'alert' if self.is_alert else 'record'} {self.name}"


def rules(resources: Iterable[dict]) -> Iterator[Rule]:
    for resource in of_kind(resources, "PrometheusRule"):
        for group in resource["spec"]["groups"]:
            for fields in group["rules"]:
                yield Rule(identity(resource), fields)


def alerts(resources: Iterable[dict]) -> list[Rule]:
    return [rule for rule in rules(resources) if rule.is_alert]


def address_of_runbooks() -> str:
    """The one place that says where the runbooks are."""
    return yaml.safe_load((REPOSITORY / "monitoring/overlays/prod/runbooks.yaml").read_text())["data"]["address"]


def rule_file(resources: Iterable[dict], file: Path) -> Path:
    """All rules in the form that Prometheus itself reads, with the runbooks where rules/ has them."""
    groups = [group for resource in of_kind(resources, "PrometheusRule") for group in resource["spec"]["groups"]]
    file.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=10_000)
    file.write_text(text.replace(f"{address_of_runbooks()}/docs/runbooks/", f"{EXAMPLE}/docs/runbooks/"))
    return file


def of_kind(resources: Iterable[dict], kind: str) -> list[dict]:
    return [resource for resource in resources if resource["kind"] == kind]


def identity(resource: dict) -> str:
    """A resource as people name it: `Kind namespace/name`."""
    metadata = resource["metadata"]
    return f"{resource['kind']} {metadata.get('namespace', '-')}/{metadata['name']}"
