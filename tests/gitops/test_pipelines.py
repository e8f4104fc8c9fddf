"""The pipeline's own wiring, and that each of its steps is a command that this project has.

Tekton's CRDs aren't to be had here, so an API server's check of these files is missing.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PIPELINES = REPOSITORY / "manifests/pipelines"
KUSTOMIZE = os.environ.get("KUSTOMIZE", str(REPOSITORY / ".build/bin/kustomize"))
NAMESPACE = "ai-gateway-pipelines"

WORKSPACE_PATH = re.compile(r"\$\(workspaces\.([a-z-]+)\.path\)")
PARAMETER = re.compile(r"\$\(params\.([a-z-]+)\)")
MAKE = re.compile(r"^\s*make ([a-z-]+)(.*)$", re.M)


def documents(path: Path) -> list[dict]:
    return [one for one in yaml.load_all(path.read_text(), yaml.CSafeLoader) if one]


PIPELINE = documents(PIPELINES / "pipeline.yaml")[0]
RUN = documents(PIPELINES / "run.yaml")[0]
TASKS = {task["metadata"]["name"]: task for path in (PIPELINES / "tasks").glob("*.yaml") for task in documents(path)}
STEPS = [pytest.param(task, step, id=f"{name}/{step['name']}") for name, task in TASKS.items() for step in task["spec"]["steps"]]


def names(entries: list[dict]) -> set[str]:
    return {entry["name"] for entry in entries}


def required(parameters: list[dict]) -> set[str]:
    return {one["name"] for one in parameters if "default" not in one}


@pytest.fixture(scope="module")
def applied() -> list[dict]:
    """What `oc apply -k manifests/pipelines` applies."""
    built = subprocess.run([KUSTOMIZE, "build", str(PIPELINES)], capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    return [one for one in yaml.load_all(built.stdout, yaml.CSafeLoader) if one]


def test_the_pipeline_and_its_tasks_are_where_the_runs_are(applied):
    assert RUN["metadata"]["namespace"] == NAMESPACE
    elsewhere = {(one["kind"], one["metadata"].get("namespace")) for one in applied} - {(one["kind"], NAMESPACE) for one in applied}
    # Its account may read in development, and the right to do so is development's.
    assert elsewhere == {("Namespace", None), ("Role", "ai-gateway-dev"), ("RoleBinding", "ai-gateway-dev")}


def test_every_file_but_the_run_is_applied(applied):
    files = [path for path in PIPELINES.rglob("*.yaml") if path.name not in ("kustomization.yaml", "namespace.yaml", "run.yaml")]
    wanted = [(one["kind"], one["metadata"]["name"]) for path in files for one in documents(path)]
    assert sorted((one["kind"], one["metadata"]["name"]) for one in applied) == sorted(wanted)


@pytest.mark.parametrize("use", PIPELINE["spec"]["tasks"], ids=lambda use: use["name"])
def test_a_task_gets_what_it_asks_for_and_nothing_else(use):
    spec = TASKS[use["taskRef"]["name"]]["spec"]
    given = names(use.get("params", []))
    assert required(spec.get("params", [])) <= given <= names(spec.get("params", []))
    assert names(use["workspaces"]) == names(spec["workspaces"])
    assert {one["workspace"] for one in use["workspaces"]} <= names(PIPELINE["spec"]["workspaces"])


def test_a_run_gives_the_pipeline_what_it_asks_for():
    assert required(PIPELINE["spec"]["params"]) <= names(RUN["spec"]["params"]) <= names(PIPELINE["spec"]["params"])
    assert names(RUN["spec"]["workspaces"]) == names(PIPELINE["spec"]["workspaces"])


def test_tasks_run_in_an_order_that_ends_with_production():
    order: list[str] = []
    for use in PIPELINE["spec"]["tasks"]:
        assert set(use.get("runAfter", [])) <= set(order), use["name"]
        order.append(use["name"])
    assert order[-1] == "promote-prod"
    after = {use["name"]: use.get("runAfter", []) for use in PIPELINE["spec"]["tasks"]}
    assert after["image"] == ["test", "scan-source"]
    assert after["promote-prod"] == ["try"]


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_task_uses_only_what_it_declares(name):
    spec = TASKS[name]["spec"]
    text = yaml.safe_dump(spec)
    assert set(PARAMETER.findall(text)) <= names(spec.get("params", []))
    assert set(WORKSPACE_PATH.findall(text)) <= names(spec["workspaces"])


def test_every_parameter_of_the_pipeline_is_one_of_its_own():
    assert set(PARAMETER.findall(yaml.safe_dump(PIPELINE["spec"]["tasks"]))) <= names(PIPELINE["spec"]["params"])


@pytest.mark.parametrize(("task", "step"), STEPS)
def test_a_script_is_well_formed_and_takes_no_parameter_as_program_text(task, step):
    script = step["script"]
    shell = script.splitlines()[0].split()[-1].rsplit("/")[-1]
    assert script.splitlines()[1] in ("set -euo pipefail", "set -eu")
    checked = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    # Tekton pastes a parameter's text into the script: a branch's name could be a program. They come as variables.
    assert not PARAMETER.search(script)


@pytest.mark.parametrize(("task", "step"), STEPS)
def test_a_scripts_commands_are_the_projects_own(task, step):
    for target, _ in MAKE.findall(step["script"]):
        known = subprocess.run(["make", "--dry-run", target, "GATEWAY=https://gateway.example.com", "COSIGN_KEY=key"],
                               cwd=REPOSITORY, capture_output=True, text=True)
        assert known.returncode == 0, f"make {target}: {known.stderr}"
    for path in re.findall(r"^\s*((?:tools|\.ci)/\S+)", step["script"], re.M):
        assert (REPOSITORY / path).stat().st_mode & 0o111, path


@pytest.mark.parametrize(("task", "step"), STEPS)
def test_a_step_runs_without_privileges(task, step):
    merged = {**task["spec"].get("stepTemplate", {}), **step}
    assert merged["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert not merged["image"].endswith(":latest")
