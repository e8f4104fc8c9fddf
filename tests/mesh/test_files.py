"""What is applied as files and not as an overlay: Argo CD's, a run of the pipeline and the experiments, each as its page says."""

from __future__ import annotations

import pytest

from plane.binaries import REPOSITORY

from mesh.overlays import complaints

FILES = {
    "docs/gitops.md, Argo CD": (["manifests/gitops", "manifests/gitops/applications"], "apply --dry-run=server"),
    "docs/gitops.md, one run": (["manifests/pipelines/run.yaml"], "create"),
    "tests/chaos/README.md": (["tests/chaos"], "apply"),
}
"""A run goes with its pipeline's namespace, which the overlays bring. Argo CD's stay a dry run: they could only be taken away by it."""


@pytest.fixture(scope="module")
def done(plane, applied):
    """What kubectl said to each. Everything is taken away again, for the test that all was."""
    said = {}
    for page, (paths, verb) in FILES.items():
        said[page] = plane.kubectl(*verb.split(), "--validate=strict", *_files(paths), check=False)
    yield said
    for paths, verb in reversed(FILES.values()):
        if verb == "apply":
            plane.kubectl("delete", "--ignore-not-found", *_files(paths))


@pytest.mark.parametrize("page", FILES)
def test_the_files_of_a_page_are_accepted(done, page):
    assert (done[page].returncode, complaints(done[page].stderr)) == (0, [])


@pytest.mark.parametrize(("account", "verb", "kind", "namespace", "answer"), [
    ("ai-gateway-pipelines:ai-gateway-pipeline", "patch", "wasmplugins.extensions.istio.io", "ai-gateway-prod", "no"),
    ("ai-gateway-pipelines:ai-gateway-pipeline", "get", "secrets", "ai-gateway-dev", "no"),
    ("ai-gateway-pipelines:ai-gateway-pipeline", "get", "secrets", "ai-gateway-prod", "no"),
    ("ai-gateway-pipelines:ai-gateway-pipeline", "get", "secrets/cosign", "ai-gateway-pipelines", "no"),
    ("ai-gateway-pipelines:ai-gateway-rollout", "get", "secrets/cosign", "ai-gateway-pipelines", "no"),
    ("ai-gateway-pipelines:ai-gateway-rollout", "list", "wasmplugins.extensions.istio.io", "ai-gateway-dev", "yes"),
    ("ai-gateway-pipelines:ai-gateway-rollout", "watch", "deployments.apps", "ai-gateway-dev", "yes"),
    ("ai-gateway-pipelines:ai-gateway-rollout", "patch", "wasmplugins.extensions.istio.io", "ai-gateway-dev", "no"),
    ("ai-gateway-pipelines:ai-gateway-rollout", "list", "wasmplugins.extensions.istio.io", "ai-gateway-prod", "no"),
    ("ai-gateway-pipelines:ai-gateway-signer", "get", "secrets/cosign", "ai-gateway-pipelines", "yes"),
    ("ai-gateway-pipelines:ai-gateway-signer", "get", "secrets/ai-gateway-git-push", "ai-gateway-pipelines", "no"),
    ("ai-gateway-pipelines:ai-gateway-signer", "list", "wasmplugins.extensions.istio.io", "ai-gateway-dev", "no"),
    ("litmus:ai-gateway-chaos", "delete", "pods", "ai-gateway-dev", "yes"),
    ("litmus:ai-gateway-chaos", "delete", "pods", "ai-gateway-prod", "no"),
    ("litmus:ai-gateway-chaos", "get", "secrets", "ai-gateway-dev", "no"),
])
def test_pipeline_and_experiments_may_no_more_than_they_need(plane, done, account, verb, kind, namespace, answer):
    said = plane.kubectl("auth", "can-i", verb, kind, f"--as=system:serviceaccount:{account}", "-n", namespace, check=False)
    assert said.stdout.split()[0] == answer


def _files(paths: list[str]) -> list[str]:
    return [word for path in paths for word in ("-f", str(REPOSITORY / path))]
