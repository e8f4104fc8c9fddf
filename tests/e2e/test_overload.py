"""Many large uploads at once: Envoy refuses new requests while its heap is nearly full, and serves on afterwards."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bed import bodies, identity, overlay, raw
from bed.deadline import eventually
from bed.gateway import MANIFESTS, OVERLAY, REPOSITORY, Gateway

KEY = ("authorization", f"Bearer {identity.key('e2e-blue')}")
JSON = ("content-type", "application/json")
CHAT = "/v1/chat/completions"

HEAP = 200 << 20
UPLOAD = 7 << 20
UPLOADS = 40
"""More than the heap holds. Each keeps its last byte back, and none is too large for the buffer."""


@pytest.fixture
def small(_scripted_upstreams, tmp_path) -> Iterator[Gateway]:
    """A gateway whose shipped bound of the heap is lowered, and nothing else."""
    gateway = Gateway("small", overlay.write(tmp_path / "overlay", OVERLAY), _scripted_upstreams, tmp_path,
                      manifests=_with_heap(tmp_path / "manifests"))
    yield gateway
    gateway.stop()


def test_uploads_that_fill_the_heap_are_answered_with_503_and_the_gateway_lives(small):
    assert _ask(small) == 200
    before = small.log_sizes()
    with ExitStack() as held:
        for _ in range(UPLOADS):
            upload = held.enter_context(raw.Connection(small.host_port))
            upload.send(raw.request("POST", CHAT, [KEY, JSON], b" " * UPLOAD)[:-1])
            if _ask(small) == 503:
                break
        assert _ask(small) == 503
    eventually(lambda: _ask(small) == 200, 20, "it serves again once the uploads are gone")
    small.wait_for_entry(before, status=503, response_code_details="overload")
    small.assert_no_vm_has_trapped()


def _ask(gateway: Gateway) -> int:
    return raw.send(gateway.host_port, raw.request("POST", CHAT, [KEY, JSON], bodies.chat(identity.fresh()))).status


def _with_heap(folder: Path) -> Path:
    folder.mkdir()
    shipped = (REPOSITORY / "manifests/base/bootstrap.yaml").read_text()
    (folder / "bootstrap.yaml").write_text(re.sub(r'("max_heap_size_bytes": )"\d+"', rf'\1"{HEAP}"', shipped))
    (folder / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "ai-gateway-dev",
        "resources": [os.path.relpath(MANIFESTS, folder.resolve())], "patches": [{"path": "bootstrap.yaml"}]}))
    return folder
