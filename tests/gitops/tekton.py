"""Runs a Pipeline's tasks on this machine as Tekton would run them: parameters, results, volumes, Secrets, step by step.

Not its images and not its pods: a step's commands are those of PATH, where the tests put programs that refuse what the
real ones refuse. Of a pod's volumes a step sees those that it mounts; the paths of the others lead nowhere.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

STEP_SECONDS = 120
RESULT_BYTES = 4096
"""What the kubelet takes of a container's termination message: all results of a step together."""


class Failed(AssertionError):
    """A step that didn't end with 0."""


@dataclass
class Cluster:
    """What a run finds there: Secrets and ConfigMaps by name, their files by key, and the programs of the images."""
    folder: Path
    programs: list[Path]
    secrets: dict[str, dict[str, str]]
    environment: dict[str, str] = field(default_factory=dict)
    pods: list[Path] = field(default_factory=list)
    log: str = ""


def run_pipeline(cluster: Cluster, pipeline: dict, tasks: dict[str, dict], params: dict[str, str]) -> dict[str, dict[str, str]]:
    """Every task in the order of the file, which is one that `runAfter` and results allow; the results by task."""
    given = {one["name"]: one["default"] for one in pipeline["spec"]["params"] if "default" in one} | params
    known = {f"params.{name}": value for name, value in given.items()}
    results: dict[str, dict[str, str]] = {}
    for use in pipeline["spec"]["tasks"]:
        taken = {one["name"]: substituted(one["value"], known) for one in use["params"]}
        results[use["name"]] = run_task(cluster, tasks[use["taskRef"]["name"]], taken, use["name"])
        known |= {f"tasks.{use['name']}.results.{name}": value for name, value in results[use["name"]].items()}
    return results


def run_task(cluster: Cluster, task: dict, params: dict[str, str], name: str) -> dict[str, str]:
    spec = task["spec"]
    pod = cluster.folder / f"{len(cluster.pods)}-{name}"
    cluster.pods.append(pod)
    (pod / "results").mkdir(parents=True)
    volumes = {volume["name"]: mounted(volume, pod / "volumes" / volume["name"], cluster) for volume in spec.get("volumes", [])}
    defaults = {one["name"]: one["default"] for one in spec.get("params", []) if "default" in one}
    known = {f"params.{key}": value for key, value in (defaults | params).items()}
    known |= {f"results.{one['name']}.path": str(pod / "results" / one["name"]) for one in spec.get("results", [])}
    for step in spec["steps"]:
        run_step(cluster, spec.get("stepTemplate", {}), step, known, volumes, pod)
    written = {path.name: path.read_text() for path in (pod / "results").iterdir()}
    assert sum(len(value) + len(key) for key, value in written.items()) < RESULT_BYTES
    assert set(written) == {one["name"] for one in spec.get("results", [])}, f"{name}: a result is missing"
    return written


def mounted(volume: dict, folder: Path, cluster: Cluster) -> Path:
    folder.mkdir(parents=True)
    if "secret" in volume or "configMap" in volume:
        source = volume.get("secret", {}).get("secretName") or volume["configMap"]["name"]
        optional = volume.get("secret", {}).get("optional", False)
        assert optional or source in cluster.secrets, f"{source} isn't there: the pod would never start"
        for key, text in cluster.secrets.get(source, {}).items():
            (folder / key).write_text(text)
    return folder


def run_step(cluster: Cluster, template: dict, step: dict, known: dict[str, str], volumes: dict[str, Path], pod: Path) -> None:
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in template.get("volumeMounts", []) + step.get("volumeMounts", [])}

    def here(text: str) -> str:
        for path in sorted(mounts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.]){re.escape(path)}(?=$|[/\s\"'])", str(mounts[path]), text)
        return re.sub(r"(?<![\w.])/(credentials|tree|home|zap)/", str(pod / "not-mounted") + "/", text)

    environment = {
        "PATH": os.pathsep.join([*map(str, cluster.programs), os.environ["PATH"]]), "LANG": "C.UTF-8",
        # Volumes' roots belong to root, and the step is somebody else.
        "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
        "HOME": str(pod / "nobodys-home"), "MOUNTED": os.pathsep.join(map(str, mounts.values())), **cluster.environment,
    }
    for variable in template.get("env", []) + step.get("env", []):
        if "value" in variable:
            environment[variable["name"]] = substituted(here(variable["value"]), known)
        else:
            key = variable["valueFrom"]["secretKeyRef"]
            environment[variable["name"]] = cluster.secrets[key["name"]][key["key"]]

    program = pod / f"script-{step['name']}"
    program.write_text(substituted(here(step["script"]), known))
    program.chmod(0o700)
    folder = Path(here({**template, **step}.get("workingDir", str(pod))))
    done = subprocess.run([program], cwd=folder, env=environment, capture_output=True, text=True, timeout=STEP_SECONDS)
    cluster.log += done.stdout + done.stderr
    if done.returncode != 0:
        raise Failed(f"{pod.name}, step {step['name']}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def substituted(text: str, known: dict[str, str]) -> str:
    made = re.sub(r"\$\(((?:params|results|tasks)\.[\w.-]+)\)", lambda found: known[found[1]], text)
    assert "$(params." not in made and "$(tasks." not in made
    return made
