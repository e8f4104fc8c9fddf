"""The pipeline's own wiring, that each of its steps is a command that this project has, and who may what.

Tekton's CRDs aren't to be had here, so an API server takes these files without reading their `spec`. What the scripts do is in
test_pipeline_runs.py.
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

PARAMETER = re.compile(r"\$\(params\.([a-z-]+)\)")
RESULT = re.compile(r"\$\(tasks\.([a-z-]+)\.results\.([a-z-]+)\)")
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
    # An account of its may read in development, and the right to do so is development's.
    assert elsewhere == {("Namespace", None), ("Role", "ai-gateway-dev"), ("RoleBinding", "ai-gateway-dev")}


def test_every_file_but_the_run_is_applied(applied):
    files = [path for path in PIPELINES.rglob("*.yaml") if path.name not in ("kustomization.yaml", "namespace.yaml", "run.yaml", "trivyignore.yaml")]
    wanted = [(one["kind"], one["metadata"]["name"]) for path in files for one in documents(path)]
    assert sorted((one["kind"], one["metadata"]["name"]) for one in applied) == sorted(wanted)


@pytest.mark.parametrize("use", PIPELINE["spec"]["tasks"], ids=lambda use: use["name"])
def test_a_task_gets_what_it_asks_for_and_nothing_else(use):
    spec = TASKS[use["taskRef"]["name"]]["spec"]
    given = names(use.get("params", []))
    assert required(spec.get("params", [])) <= given <= names(spec.get("params", []))


def test_a_run_gives_the_pipeline_what_it_asks_for():
    assert required(PIPELINE["spec"]["params"]) <= names(RUN["spec"]["params"]) <= names(PIPELINE["spec"]["params"])


def test_tasks_run_in_an_order_that_ends_with_production():
    order: list[str] = []
    for use in PIPELINE["spec"]["tasks"]:
        assert before(use) <= set(order), use["name"]
        order.append(use["name"])
    assert order[-1] == "promote-prod"
    after = {use["name"]: before(use) for use in PIPELINE["spec"]["tasks"]}
    assert after["image"] == {"fetch", "test", "scan-source"}
    assert "image" in after["sign"]
    assert "sign" in after["promote-dev"]
    assert after["try"] >= {"rollout"}
    assert after["promote-prod"] >= {"try", "promote-dev"}


def before(use: dict) -> set[str]:
    """What a task waits for: what it names, and whose results it takes."""
    return set(use.get("runAfter", [])) | {task for task, _ in RESULT.findall(yaml.safe_dump(use))}


def test_a_result_that_a_task_takes_is_one_of_its_tasks():
    tasks = {use["name"]: TASKS[use["taskRef"]["name"]]["spec"] for use in PIPELINE["spec"]["tasks"]}
    for task, result in RESULT.findall(yaml.safe_dump(PIPELINE)):
        assert result in names(tasks[task]["results"]), f"{task}: {result}"


def test_every_task_has_an_end_and_the_run_waits_for_all_of_them():
    def hours(text: str) -> float:
        return sum(float(number) * {"h": 1, "m": 1 / 60}[unit] for number, unit in re.findall(r"(\d+)([hm])", text))

    # `scan-source` runs beside `test`. Without a limit of its own a run ends after an hour, whatever its tasks say.
    assert sum(hours(use["timeout"]) for use in PIPELINE["spec"]["tasks"] if use["name"] != "scan-source") <= hours(RUN["spec"]["timeouts"]["pipeline"])


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_task_uses_only_what_it_declares(name):
    spec = TASKS[name]["spec"]
    text = yaml.safe_dump(spec)
    assert set(PARAMETER.findall(text)) == names(spec.get("params", []))
    assert set(re.findall(r"\$\(results\.([a-z-]+)\.path\)", text)) == names(spec.get("results", []))
    mounts = [mount for step in [spec.get("stepTemplate", {}), *spec["steps"]] for mount in step.get("volumeMounts", [])]
    assert names(mounts) == names(spec.get("volumes", []))


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
    # Which user, restricted-v2 says.
    assert "runAsUser" not in yaml.safe_dump([RUN, task]) and "fsGroup" not in yaml.safe_dump([RUN, task])


def test_an_image_is_a_parameter_and_a_run_names_each_by_digest():
    images = {step["image"] for task in TASKS.values() for step in [task["spec"].get("stepTemplate", {}), *task["spec"]["steps"]]
              if "image" in step}
    assert images == {"$(params.builder)", "$(params.trivy)", "$(params.zap)"}
    given = {one["name"]: one["value"] for one in RUN["spec"]["params"]}
    for image in ("builder", "trivy", "zap"):
        assert re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", given[image]), image
    assert not any("default" in one for task in TASKS.values() for one in task["spec"].get("params", []) if one["name"] in ("builder", "trivy", "zap"))


# --- who may what --------------------------------------------------------------------------------------

def test_only_the_task_that_signs_may_read_the_key_and_only_two_tasks_have_a_token(applied):
    accounts = {one["metadata"]["name"]: one for one in applied if one["kind"] == "ServiceAccount"}
    used = {use["name"]: RUN["spec"]["taskRunTemplate"]["serviceAccountName"] for use in PIPELINE["spec"]["tasks"]}
    used |= {one["pipelineTaskName"]: one["serviceAccountName"] for one in RUN["spec"]["taskRunSpecs"]}
    assert set(used.values()) == set(accounts)
    with_token = {task for task, account in used.items() if accounts[account].get("automountServiceAccountToken", True)}
    assert with_token == {"sign", "rollout"}

    readers = [one for one in applied if one["kind"] == "Role" and any("secrets" in rule["resources"] for rule in one["rules"])]
    (role,) = readers
    assert [rule["resourceNames"] for rule in role["rules"]] == [["cosign"]]
    bound = [one for one in applied if one["kind"] == "RoleBinding" and one["roleRef"]["name"] == role["metadata"]["name"]]
    assert [subject["name"] for one in bound for subject in one["subjects"]] == [used["sign"]]
    assert [task for task, account in used.items() if account == used["sign"]] == ["sign"]
    assert [task for task, account in used.items() if account == used["rollout"]] == ["rollout"]


def test_a_credential_is_mounted_in_the_steps_that_need_it_and_in_no_other():
    holders: dict[str, set[str]] = {}
    for name, task in TASKS.items():
        volumes = {volume["name"]: volume["secret"]["secretName"] for volume in task["spec"].get("volumes", []) if "secret" in volume}
        assert not set(volumes) & names(task["spec"].get("stepTemplate", {}).get("volumeMounts", []))
        for step in task["spec"]["steps"]:
            for mount in step.get("volumeMounts", []):
                if mount["name"] in volumes:
                    assert mount["readOnly"] is True
                    holders.setdefault(volumes[mount["name"]], set()).add(f"{name.removeprefix('ai-gateway-')}/{step['name']}")
            for variable in step.get("env", []):
                if "valueFrom" in variable:
                    holders.setdefault(variable["valueFrom"]["secretKeyRef"]["name"], set()).add(f"{name.removeprefix('ai-gateway-')}/{step['name']}")
    checkouts = {f"{name.removeprefix('ai-gateway-')}/checkout" for name in TASKS} - {"rollout/checkout"}
    assert holders == {
        "ai-gateway-git-read": checkouts, "ai-gateway-git-push": {"promote/promote"},
        "ai-gateway-registry-push": {"image/push", "sign/sign"}, "ai-gateway-registry-read": {"promote/verify", "promote/promote"},
        "ai-gateway-try": {"try/end-to-end", "try/load"},
    }


def test_tasks_share_no_volume():
    for task in [PIPELINE, *TASKS.values()]:
        assert "workspaces" not in task["spec"]
        for volume in task["spec"].get("volumes", []):
            assert set(volume) - {"name"} <= {"emptyDir", "secret", "configMap"}, volume["name"]
    assert "workspaces" not in RUN["spec"]


def test_the_page_and_the_set_up_name_every_secret():
    used = set(re.findall(r"(?:secretName|name): (ai-gateway-(?:git|registry|try|cosign)[a-z-]*)", "".join(path.read_text() for path in (PIPELINES / "tasks").glob("*.yaml"))))
    for page in (PIPELINES / "setup.yaml", REPOSITORY / "docs/gitops.md"):
        assert [name for name in sorted(used - {"ai-gateway-try"}) if name not in page.read_text()] == []
