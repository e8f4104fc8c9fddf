"""What there is in the repository for a page to name."""

from __future__ import annotations

import functools
import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .page import Page

REPOSITORY = Path(__file__).resolve().parents[3]
TARGET = re.compile(r"^([a-z0-9][a-z0-9 -]*?)\s*:(?!=)", re.MULTILINE)

BUILT = {".build", "target", "node_modules", "__pycache__"}

MADE = ("gitops/", "docs/schemas/", ".build/", "tests/node_modules/")
"""Below these somebody makes files; they aren't in the repository."""


@functools.cache
def files() -> frozenset[str]:
    """Every file, and every folder that has one, that is or would be in the repository."""
    there = [Path(name) for name in _listed() if (REPOSITORY / name).exists()]
    return frozenset(str(each) for name in there for each in (name, *name.parents) if str(each) != ".")


def _listed() -> list[str]:
    """As git lists them; where there is no git, everything but what is built."""
    if (REPOSITORY / ".git").exists():
        return subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY,
                              capture_output=True, text=True, check=True).stdout.splitlines()
    found = (path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if path.is_file())
    return [str(path) for path in found if not BUILT & set(path.parts)]


@functools.cache
def pages() -> tuple[Page, ...]:
    return tuple(Page(REPOSITORY, Path(name)) for name in sorted(files()) if name.endswith(".md"))


@functools.cache
def targets() -> frozenset[str]:
    """What `make` can be asked for."""
    makefile = (REPOSITORY / "Makefile").read_text()
    return frozenset(word for names in TARGET.findall(makefile) for word in names.split())


def paths_in(code: str) -> Iterator[str]:
    """The paths of this repository that a piece of code names. One with a placeholder (`NAME`, `…`, `$x`) is none."""
    folders = {name.split("/")[0] for name in files() if "/" in name}
    for word in re.findall(r"[\w.{},/*-]+", re.sub(r"\S*[$…<>]\S*", " ", code)):
        word = word.rstrip(".,")
        first, slash, rest = word.partition("/")
        if not slash or first not in folders or re.search(r"(?:^|[/.-])[A-Z][A-Z_-]+(?:$|[/.-])", rest.replace("README", "").replace("CONTRIBUTING", "")):
            continue
        yield from expanded(word.rstrip("/"))


def expanded(word: str) -> list[str]:
    """`a/{b,c}` as a shell has it."""
    if not (braces := re.search(r"\{([^{}]*)\}", word)):
        return [word]
    ways = [word[:braces.start()] + each + word[braces.end():] for each in braces[1].split(",")]
    return list(itertools.chain.from_iterable(map(expanded, ways)))


def exists(path: str) -> bool:
    if path.startswith(MADE) or f"{path}/" in MADE:
        return True
    if "*" in path:
        pattern = re.compile(re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*"))
        return any(map(pattern.fullmatch, files()))
    return path in files()
