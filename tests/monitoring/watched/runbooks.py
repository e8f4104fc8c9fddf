"""Runbooks: a page for each alert, and no page that no alert leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .queries import Placed
from .shipped import REPOSITORY, address_of_runbooks, alerts

FOLDER = REPOSITORY / "docs/runbooks"
SECTIONS = ("## What it means", "## How to see it", "## What to do")
ADDRESS = f"{address_of_runbooks()}/docs/runbooks/"


def findings(resources: Iterable[dict], folder: Path = FOLDER) -> list[str]:
    found = []
    names = set()
    index = (folder / "README.md").read_text()
    for alert in alerts(resources):
        names.add(alert.name)
        address = alert.fields.get("annotations", {}).get("runbook_url")
        if address != f"{ADDRESS}{alert.name}.md":
            found.append(f"{alert.place}: annotations.runbook_url is {address}, not {ADDRESS}{alert.name}.md")
        page = folder / f"{alert.name}.md"
        if not page.exists():
            found.append(f"{alert.place}: there is no {place(page)}")
            continue
        text = page.read_text()
        found += [f"{place(page)}: no section “{section}”" for section in SECTIONS if f"\n{section}\n" not in text]
        if not text.startswith(f"# {alert.name}\n"):
            found.append(f"{place(page)}: its title isn't the alert's name")
        if f"]({page.name})" not in index:
            found.append(f"{place(folder / 'README.md')}: doesn't lead to {page.name}")
    for page in sorted(folder.glob("*.md")):
        if page.stem != "README" and page.stem not in names:
            found.append(f"{place(page)}: no alert leads here")
    return sorted(set(found))


def place(page: Path) -> str:
    return str(page.relative_to(REPOSITORY)) if page.is_relative_to(REPOSITORY) else page.name


def queries(folder: Path = FOLDER) -> list[Placed]:
    """What the pages ask Prometheus: each line of a block of promql, and each query within a line of text."""
    found = []
    for page in sorted(folder.glob("*.md")):
        text = page.read_text()
        blocks = "\n".join(re.findall(r"```promql\n(.*?)```", text, re.DOTALL)).splitlines()
        inline = [code for code in re.findall(r"`([^`\n]+)`", text) if re.match(r"(sum|topk|max|min|histogram_quantile)\b.*\(", code)]
        found += [Placed(place(page), query) for query in (*blocks, *inline) if query.strip()]
    return found


def fields(folder: Path = FOLDER) -> list[Placed]:
    """The fields of the access log that the pages' jq programs read."""
    return [Placed(place(page), field)
            for page in sorted(folder.glob("*.md"))
            for program in re.findall(r"jq -[rc] '([^']+)'", page.read_text())
            for field in re.findall(r"\.([a-z_]+)", program)]
