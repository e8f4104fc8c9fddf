"""The pods that Tekton makes of the pipeline's tasks, as far as admission looks at them."""

from __future__ import annotations

import yaml

from plane.binaries import REPOSITORY

PIPELINES = REPOSITORY / "manifests/pipelines"
OF_RESTRICTED_V2 = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""What OpenShift writes into a container that says nothing of it; Tekton's own, unless its flag `set-security-context` is on."""


def uses() -> list[dict]:
    """The pipeline's tasks, as the pipeline uses them."""
    return _documents("pipeline.yaml")[0]["spec"]["tasks"]


def pod(use: dict) -> dict:
    """The pod of one task in the run that ships: steps as containers, the run's pod template, the task's account."""
    task = next(one for path in sorted((PIPELINES / "tasks").glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())
                if one["metadata"]["name"] == use["taskRef"]["name"])["spec"]
    run = _documents("run.yaml")[0]["spec"]
    own = next((one for one in run["taskRunSpecs"] if one["pipelineTaskName"] == use["name"]), {})
    template = task.get("stepTemplate", {})
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"run-{use['name']}", "namespace": "ai-gateway-pipelines"},
        "spec": {
            "serviceAccountName": own.get("serviceAccountName", run["taskRunTemplate"]["serviceAccountName"]),
            "restartPolicy": "Never",
            "securityContext": dict(run["taskRunTemplate"]["podTemplate"]["securityContext"]),
            "volumes": task.get("volumes", []),
            "initContainers": [{"name": name, "image": "tekton", "securityContext": OF_RESTRICTED_V2} for name in ("prepare", "place-scripts")],
            "containers": [{
                "name": f"step-{step['name']}", "image": "registry.example.com/step:1",
                "securityContext": {**template, **step}["securityContext"],
                "volumeMounts": template.get("volumeMounts", []) + step.get("volumeMounts", []),
            } for step in task["steps"]]}}


def _documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((PIPELINES / name).read_text()))
