"""Each Component on top of the overlay that it is for: applied, applied again, and taken out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plane.binaries import REPOSITORY

from mesh.component import added_by, overlay_of, overlay_with
from mesh.inventory import contents
from mesh.overlays import complaints, components


@pytest.fixture(scope="module")
def shipped(plane, applied) -> dict[str, dict]:
    """What each overlay's resources say before anything is added to them."""
    return {overlay: _state(plane, overlay) for overlay in {overlay_of(component) for component in components()}}


@pytest.fixture(params=components())
def component(request, plane, shipped, tmp_path):
    """A Component and its overlay. Afterwards the shipped overlay is there again, as an operator has it back: applied without
    the Component, and what that added is deleted, since `apply` deletes nothing."""
    name, folder = request.param, overlay_with(request.param, tmp_path / "overlay")
    yield name, folder
    plane.kubectl("apply", "--validate=strict", "-k", REPOSITORY / overlay_of(name))
    if added := added_by(name, folder):
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": added})
        plane.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=listed)
        assert plane.kubectl("get", "--ignore-not-found", "-f", "-", "-o", "name", stdin=listed).stdout == ""
    assert _changed(shipped[overlay_of(name)], _state(plane, overlay_of(name))) == []


def test_a_component_is_applied_and_applied_again_without_a_change_and_taken_out_again(plane, component):
    _, folder = component
    done = plane.kubectl("apply", "--validate=strict", "-k", folder, check=False)
    assert (done.returncode, complaints(done.stderr)) == (0, [])

    once = _state(plane, folder, generations=True)
    plane.kubectl("apply", "--validate=strict", "-k", folder)
    assert _changed(once, _state(plane, folder, generations=True)) == []


def _state(plane, overlay: str | Path, generations: bool = False) -> dict[tuple[str, str, str], dict]:
    """What the resources say; with `generations` also how often each has changed."""
    return {each: {**{member: value for member, value in item.items() if member != "metadata"},
                   **({"generation": item["metadata"].get("generation")} if generations else {})}
            for each, item in contents(plane, overlay).items()}


def _changed(before: dict, after: dict) -> list[tuple[str, str, str]]:
    return [each for each in before if after.get(each) != before[each]]
