"""One Markdown page, read as GitHub reads it, as far as the tests need that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FENCE = re.compile(r"^\s*(```+)(\w*)[^\n]*\n(.*?)^\s*\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|[*`]")


@dataclass(frozen=True)
class Page:
    repository: Path
    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @cached_property
    def text(self) -> str:
        return (self.repository / self.path).read_text()

    @cached_property
    def prose(self) -> str:
        """Without its blocks of code."""
        return FENCE.sub("", self.text)

    def shell(self) -> Iterator[str]:
        """The lines of its `sh` blocks, without comments, continued lines joined."""
        for _, language, block in FENCE.findall(self.text):
            if language == "sh":
                for line in block.replace("\\\n", " ").splitlines():
                    if line.strip() and not line.lstrip().startswith("#"):
                        yield line.strip()

    def links(self) -> Iterator[str]:
        """Where it leads within the repository: `PATH`, `PATH#ANCHOR`, `#ANCHOR`."""
        for target in LINK.findall(self.prose):
            if not re.match(r"[a-z]+:", target):
                yield target

    def anchors(self) -> set[str]:
        """The names of its headings; one that comes again gets a number."""
        found: set[str] = set()
        for heading in HEADING.findall(self.prose):
            slug = anchor(heading)
            number = 1
            while slug in found:
                slug = f"{anchor(heading)}-{number}"
                number += 1
            found.add(slug)
        return found

    def words(self) -> Iterator[str]:
        """What stands in `code` marks in its prose."""
        for code in CODE.findall(self.prose):
            yield code.strip()


def anchor(heading: str) -> str:
    plain = MARKUP.sub(lambda match: match[1] or "", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
