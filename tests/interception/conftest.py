"""Fixtures: one small mesh for the session, and workloads in its pods.

Without root, or where the kernel lets nobody make network namespaces, nothing
of this can be tried: then all tests are skipped, with the reason at the end of
the run. `INTERCEPTION_MUST_RUN=1` makes that a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bed import identity
from interception import namespaces, overlay, packages
from interception.mesh import Mesh
from interception.pods import Workload

PLACEHOLDER = "the-mesh-knows-who-calls"
"""The SDKs want a key, whatever it is."""

_not_tried: list[str] = []


@pytest.fixture(scope="session")
def mesh(tmp_path_factory) -> Iterator[Mesh]:
    try:
        packages.ensure()
        namespaces.check_permitted()
    except (packages.Missing, namespaces.NotPermitted) as reason:
        if os.environ.get("INTERCEPTION_MUST_RUN"):
            raise
        _not_tried.append(str(reason))
        pytest.skip(str(reason))
    running = Mesh(tmp_path_factory.mktemp("mesh"))
    yield running
    running.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes interception back comes last: all share one mesh."""
    items.sort(key=lambda item: item.path.stem == "test_taking_back")


def pytest_terminal_summary(terminalreporter) -> None:
    if _not_tried:
        terminalreporter.section("INTERCEPTION WAS NOT TRIED", "!")
        terminalreporter.line(_not_tried[0])


@pytest.fixture
def providers(mesh) -> Iterator[dict]:
    """The scripted providers, empty at the start. No test's call may have gone past the gateway."""
    for provider in mesh.providers.values():
        provider.reset()
    yield mesh.providers
    assert mesh.way_round.connections() == 0, "a call went past the gateway"


@contextmanager
def workload(mesh: Mesh, namespace: str, environment: dict[str, str]) -> Iterator[Workload]:
    started = Workload(mesh.pods[namespace], environment)
    try:
        yield started
    finally:
        started.stop()


def by_mesh(key: str) -> dict[str, str]:
    """What the plain way wants in a workload: base URLs with `http://`."""
    return {"OPENAI_BASE_URL": "http://api.openai.com/v1", "OPENAI_API_KEY": key,
            "ANTHROPIC_BASE_URL": "http://api.anthropic.com", "ANTHROPIC_API_KEY": key}


def by_tls(ca: Path, key: str) -> dict[str, str]:
    """What the way with TLS wants in a workload: a CA and a key."""
    return {"SSL_CERT_FILE": str(ca), "OPENAI_API_KEY": key, "ANTHROPIC_API_KEY": key}


@pytest.fixture(scope="session")
def plain(mesh) -> Iterator[Workload]:
    """A workload of the known tenant that takes the plain way."""
    with workload(mesh, overlay.KNOWN, by_mesh(PLACEHOLDER)) as started:
        yield started


@pytest.fixture(scope="session")
def plain_stranger(mesh) -> Iterator[Workload]:
    """One of a namespace that the gateway doesn't know; it even has somebody's valid key."""
    with workload(mesh, overlay.UNKNOWN, by_mesh(identity.key("e2e-blue"))) as started:
        yield started


@pytest.fixture(scope="session")
def tls(mesh) -> Iterator[Workload]:
    """A workload of the known tenant that takes the way with TLS, with a key of another tenant."""
    with workload(mesh, overlay.KNOWN, by_tls(mesh.ca, identity.key("e2e-blue"))) as started:
        yield started


@pytest.fixture(scope="session")
def tls_keyless(mesh) -> Iterator[Workload]:
    """The same without a key: all that it has is its place in the mesh."""
    with workload(mesh, overlay.KNOWN, by_tls(mesh.ca, PLACEHOLDER)) as started:
        yield started


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows no credential."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.longrepr = identity.scrubbed(str(report.longrepr))
