"""What a page names is there: links, headings, files, Make targets. And each page of docs/ is reached from the README."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pages import repository
from pages.page import Page

every_page = pytest.mark.parametrize("page", repository.pages(), ids=str)


MADE_BY_THE_READER = {"manifests/tenants/treasury", "istio/base/providers/acme.yaml"}
"""What the how-tos make; tests follow them."""


def target_of(page: Page, link: str) -> tuple[str, str]:
    """The file in the repository, and the heading in it."""
    path, _, heading = link.partition("#")
    file = os.path.normpath(page.path.parent / path) if path else str(page.path)
    return file, heading


@every_page
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    broken = []
    for link in page.links():
        file, heading = target_of(page, link)
        if file not in repository.files():
            broken.append(link)
        elif heading and heading not in Page(repository.REPOSITORY, Path(file)).anchors():
            broken.append(link)
    assert not broken


@every_page
def test_every_path_of_the_repository_that_it_names_is_there(page):
    named = {path for code in [*page.words(), *page.shell()] for path in repository.paths_in(code)}
    assert sorted(path for path in named - MADE_BY_THE_READER if not repository.exists(path)) == []


@every_page
def test_every_make_target_that_it_names_is_there(page):
    asked = {word for code in [*page.words(), *page.shell()] for word in make_targets(code)}
    assert sorted(asked - repository.targets()) == []


def make_targets(code: str) -> set[str]:
    """`make a b X=…` asks for a and b; a word with a capital, `=` or `…` is no target."""
    asked = set()
    for words in re.findall(r"(?:^|[;&|(] *|\s)make ((?:\S+ ?)+)", code):
        for word in words.split():
            if not re.fullmatch(r"[a-z0-9-]+", word):
                break
            asked.add(word)
    return asked


def test_every_page_of_docs_is_reached_from_the_readme():
    pages = {str(page): page for page in repository.pages()}
    reached, new = set(), {"README.md"}
    while new:
        reached |= new
        links = {target_of(pages[name], link)[0] for name in new for link in pages[name].links()}
        new = {name for name in links if name in pages} - reached
    assert sorted(name for name in pages if name.startswith("docs/") and name not in reached) == []


OF_A_MACHINE = re.compile(rb"(?<![\w.\-/}):])/(?:root|work|home|opt)/[\w.-]+")
"""Of one that somebody works at."""

OF_AN_IMAGE = "manifests/pipelines/"
"""Here paths are the pipeline's own image's."""


def test_no_file_names_a_place_of_the_machine_that_it_was_written_on():
    named = {}
    for name in sorted(name for name in repository.files() if not name.startswith(OF_AN_IMAGE)):
        if (file := repository.REPOSITORY / name).is_file() and (found := OF_A_MACHINE.findall(file.read_bytes())):
            named[name] = found
    assert named == {}
