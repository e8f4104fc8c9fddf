"""A real Prometheus on a free port, with whatever it is given to scrape."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from bed.deadline import eventually
from plane.ports import free_ports

from . import child
from .promtool import BIN

START_SECONDS = 30
STOP_SECONDS = 20


class Prometheus:
    def __init__(self, configuration: dict, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration, sort_keys=False))
        address = f"127.0.0.1:{free_ports(1)[0]}"
        self.url = f"http://{address}"
        self._process = child.start(
            [BIN / "prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address={address}", "--log.level=warn"], folder / "prometheus.log", folder)
        eventually(self._ready, START_SECONDS, "Prometheus is ready")

    def stop(self) -> None:
        child.stop(self._process, STOP_SECONDS)

    def query(self, expression: str) -> list[dict]:
        """What an instant query gives: series with their labels and value."""
        data = self._get("/api/v1/query", query=expression)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return data["result"]

    def number(self, expression: str) -> float:
        """The sum of what a query gives; 0 where it gives nothing."""
        return sum(float(sample["value"][1]) for sample in self.query(expression))

    def rules(self) -> list[dict]:
        """Each rule with how its last evaluation went, once all have been evaluated."""

        def evaluated() -> list[dict] | None:
            found = [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]
            return found if all(rule["health"] != "unknown" for rule in found) else None

        return eventually(evaluated, 20, "every rule has been evaluated")

    def metrics(self) -> dict[str, dict]:
        """Name to type and help, as the targets say it."""
        return self._get("/api/v1/metadata")

    def labels_of(self, metric: str) -> set[str]:
        return set(self._get("/api/v1/labels", **{"match[]": metric})) - {"__name__"}

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"Prometheus ended:\n{(self.folder / 'prometheus.log').read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _get(self, path: str, **parameters: str):
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{parameters}: {json.load(refused)['error']}") from None
