"""docs/install.md, step 4, in a copy of the repository: the host is changed everywhere."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from bed import overlays

PAGE = (overlays.REPOSITORY / "docs/install.md").read_text()
SHIPPED_HOST, HOST = "ai-gateway.example.com", "ai.your.bank"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    there = tmp_path_factory.mktemp("repository")
    for folder in ("istio", "manifests"):
        shutil.copytree(overlays.REPOSITORY / folder, there / folder)
    commands = re.search(r"^## 4\..*?^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
    assert HOST in commands
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=there, check=True, timeout=60)
    return there


@pytest.mark.parametrize("overlay", ["manifests/overlays/prod", "istio/overlays/prod"])
def test_a_host_of_ones_own_is_in_the_place_of_the_shipped_one(copy, overlay):
    before, after = str(overlays.shipped(overlay)), str(tuple(overlays.build(copy / overlay)))
    assert SHIPPED_HOST in before and after == before.replace(SHIPPED_HOST, HOST)


def test_the_page_says_in_how_many_files_it_stood():
    files = [file for part in ("manifests", "istio") for file in (overlays.REPOSITORY / f"{part}/overlays/prod").rglob("*")
             if file.is_file() and SHIPPED_HOST in file.read_text()]
    assert len(files) == 5
    assert "stands in five files" in PAGE
