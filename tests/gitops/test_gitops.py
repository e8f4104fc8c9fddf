"""What Argo CD is told: everything that ships, once, in waves, within the rights of its project."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

import render

REPOSITORY = Path(__file__).resolve().parents[2]
GITOPS = REPOSITORY / "manifests/gitops"
KUSTOMIZE = Path(os.environ.get("KUSTOMIZE", REPOSITORY / ".build/bin/kustomize"))
CRDS = Path(os.environ.get("CRDS", REPOSITORY / ".build/crds"))

ENVIRONMENTS = ["dev", "prod"]
PARTS = ["manifests", "istio", "monitoring"]
ELSEWHERE = {"dev": [], "prod": ["mesh-monitoring", "console"]}
"""What an environment's monitoring has in the platform's namespaces comes by Applications of their own."""
APPLICATIONS = sorted(path.stem for path in (GITOPS / "applications").glob("*.yaml"))


def documents(path: Path) -> list[dict]:
    return [document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document]


def application(name: str) -> dict:
    (one,) = documents(GITOPS / "applications" / f"{name}.yaml")
    return one


@cache
def rendered(name: str) -> str:
    return render.render(GITOPS / "applications" / f"{name}.yaml", KUSTOMIZE)


def resources(name: str) -> list[dict]:
    return [resource for resource in yaml.load_all(rendered(name), yaml.CSafeLoader) if resource]


@cache
def overlay(path: str) -> str:
    done = subprocess.run([KUSTOMIZE, "build", REPOSITORY / path], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def without_argo_cds(resource: dict) -> dict:
    """As its overlay has it: the overlays know nothing of Argo CD."""
    bare = copy.deepcopy(resource)
    annotations = bare["metadata"]["annotations"]
    for name in [name for name in annotations if name.startswith("argocd.argoproj.io/")]:
        del annotations[name]
    if not annotations:
        del bare["metadata"]["annotations"]
    return bare


# --- what is rendered --------------------------------------------------------------------------

@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_and_its_monitoring_elsewhere_are_its_three_overlays_and_nothing_else(environment):
    shipped = [resource for part in PARTS
               for resource in yaml.load_all(overlay(f"{part}/overlays/{environment}"), yaml.CSafeLoader) if resource]
    given = {render.identity_of(resource): without_argo_cds(resource)
             for name in [environment, *ELSEWHERE[environment]] for resource in resources(name)}
    assert given == {render.identity_of(resource): resource for resource in shipped}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_rendering_again_gives_the_same_bytes(environment):
    again = render.render(GITOPS / "applications" / f"{environment}.yaml", KUSTOMIZE)
    assert again == rendered(environment)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_waves_follow_the_order_workload_routes_monitors(environment):
    waves = {}
    for part in PARTS:
        (source,) = [source for source in application(environment)["spec"]["sources"]
                     if source["path"] == f"{part}/overlays/{environment}"]
        shipped = {render.identity_of(resource)
                   for resource in yaml.load_all(overlay(source["path"]), yaml.CSafeLoader) if resource}
        waves[part] = {int(resource["metadata"]["annotations"][render.WAVE]) for resource in resources(environment)
                       if render.identity_of(resource) in shipped}
    assert [waves[part] for part in PARTS] == [{0}, {1}, {2}]
    order = [int(resource["metadata"]["annotations"][render.WAVE]) for resource in resources(environment)]
    assert order == sorted(order)


def test_a_wave_stays_off_pod_templates():
    # There it would restart the gateway whenever a wave is renumbered.
    for environment in ENVIRONMENTS:
        for resource in resources(environment):
            template = resource.get("spec", {}).get("template", {}) if resource["kind"] == "Deployment" else {}
            assert render.WAVE not in template.get("metadata", {}).get("annotations", {})


def test_no_resource_belongs_to_two_applications():
    owners: dict[tuple, str] = {}
    for name in APPLICATIONS:
        for resource in resources(name):
            identity = render.identity_of(resource)
            assert identity not in owners, f"{identity} is in {owners[identity]} and in {name}"
            owners[identity] = name


def test_what_may_do_anything_follows_the_protected_branch_alone():
    root = yaml.safe_load((GITOPS / "root.yaml").read_text())
    assert root["spec"]["source"]["targetRevision"] == "production"
    for name in APPLICATIONS:
        if application(name)["spec"]["project"] == "ai-gateway-platform":
            assert {source["targetRevision"] for source in application(name)["spec"]["sources"]} == {"production"}, name


BY_HAND = {"operators/instances/user-workload-monitoring"}
"""Argo CD would hold on to the whole configuration of a Prometheus that others set up (docs/install.md)."""


def test_every_folder_that_ships_has_an_application():
    sources = {source["path"] for name in APPLICATIONS for source in application(name)["spec"]["sources"]}
    tenants = {str(path.parent.relative_to(REPOSITORY)) for path in REPOSITORY.glob("manifests/tenants/*/kustomization.yaml")}
    overlays = {str(path.parent.relative_to(REPOSITORY)) for part in PARTS
                for path in REPOSITORY.glob(f"{part}/overlays/*/kustomization.yaml")}
    assert sources == (tenants - {"manifests/tenants/base"}) | overlays | (operators() - BY_HAND)


def test_the_how_to_of_a_new_tenant_names_every_file_that_lists_tenants():
    how_to = (REPOSITORY / "docs/tenants.md").read_text().split("## Add one")[1].split("\n## ")[0]
    tenant = REPOSITORY / "manifests/tenants/payments"
    lists = [path for root in ("manifests", "istio") for path in (REPOSITORY / root).rglob("*.yaml")
             if tenant not in path.parents and re.search("^[^#]*tenants/payments", path.read_text(), re.M)]
    assert len(lists) == 2
    for path in lists:
        assert str(path.relative_to(REPOSITORY)) in how_to


def operators() -> set[str]:
    """The kustomizations below operators/ that no other one includes."""
    folders = {path.parent: yaml.safe_load(path.read_text()) for path in REPOSITORY.glob("operators/**/kustomization.yaml")}
    included = {(folder / resource).resolve() for folder, kustomization in folders.items()
                for resource in kustomization.get("resources", [])}
    return {str(folder.relative_to(REPOSITORY)) for folder, kustomization in folders.items()
            if folder not in included and kustomization["kind"] == "Kustomization"}


# --- the rendering's own refusals ------------------------------------------------------------------

def test_a_resource_from_two_sources_is_refused(tmp_path):
    twice = application("dev")
    twice["spec"]["sources"].append(twice["spec"]["sources"][0])
    (tmp_path / "twice.yaml").write_text(yaml.safe_dump(twice))
    with pytest.raises(render.Refused, match="comes from manifests/overlays/dev and from manifests/overlays/dev"):
        render.render(tmp_path / "twice.yaml", KUSTOMIZE)


def test_a_source_that_is_not_there_is_named(tmp_path):
    gone = application("dev")
    gone["spec"]["sources"][1]["path"] = "istio/overlays/gone"
    (tmp_path / "gone.yaml").write_text(yaml.safe_dump(gone))
    done = subprocess.run([sys.executable, render.__file__, "--kustomize", KUSTOMIZE, "--application", tmp_path / "gone.yaml",
                           "--out", tmp_path / "out.yaml"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "render.py: istio/overlays/gone has no kustomization.yaml\n"
    assert not (tmp_path / "out.yaml").exists()


# --- the projects ------------------------------------------------------------------------------------

def projects() -> dict[str, dict]:
    return {project["metadata"]["name"]: project["spec"] for project in documents(GITOPS / "projects.yaml")}


def every_application() -> list[dict]:
    return [application(name) for name in APPLICATIONS] + documents(GITOPS / "root.yaml")


def permits(project: dict, resource: dict) -> bool:
    """Argo CD's own rule (AppProject.IsResourcePermitted): without a list every namespaced kind is permitted, and no cluster-wide one."""
    group, kind = resource["apiVersion"].rpartition("/")[0], resource["kind"]
    namespace = resource["metadata"].get("namespace")

    def listed(rules: list[dict]) -> bool:
        return any(fnmatchcase(group, rule["group"]) and fnmatchcase(kind, rule["kind"])
                   and fnmatchcase(resource["metadata"]["name"], rule.get("name") or "*") for rule in rules)

    assert "namespaceResourceBlacklist" not in project and "clusterResourceBlacklist" not in project
    if namespace is None:
        return listed(project.get("clusterResourceWhitelist", []))
    if "namespaceResourceWhitelist" in project and not listed(project["namespaceResourceWhitelist"]):
        return False
    return any(fnmatchcase(namespace, rule["namespace"]) for rule in project["destinations"])


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_project_lets_its_applications_do_what_they_have_to(name):
    project = projects()[application(name)["spec"]["project"]]
    assert [render.identity_of(resource) for resource in resources(name) if not permits(project, resource)] == []


COMES_OF_A_DEPLOYMENT = {("", "Pod"), ("apps", "ReplicaSet")}


@pytest.mark.parametrize("project", sorted(set(projects()) - {"ai-gateway-platform"}))
def test_a_project_permits_the_kinds_of_its_applications_and_components_and_no_other(project):
    shipped = {(group, kind) for name in APPLICATIONS if application(name)["spec"]["project"] == project
               for group, kind, namespace, _ in map(render.identity_of, resources(name)) if namespace}
    if project == "ai-gateway":
        shipped |= COMES_OF_A_DEPLOYMENT | of_components()
    permitted = {(rule["group"], rule["kind"]) for rule in projects()[project]["namespaceResourceWhitelist"]}
    assert permitted == shipped


def of_components() -> set[tuple[str, str]]:
    """Kinds that somebody's overlay may add, by listing a component."""
    found = set()
    for kustomization in REPOSITORY.glob("*/components/*/kustomization.yaml"):
        for file in yaml.safe_load(kustomization.read_text()).get("resources", []):
            found |= {(one["apiVersion"].rpartition("/")[0], one["kind"]) for one in documents(kustomization.parent / file)}
    return found


@pytest.mark.parametrize(("api_version", "kind", "namespace", "name"), [
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "istio-system", "mine"),
    ("rbac.authorization.k8s.io/v1", "Role", "openshift-config-managed", "mine"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "openshift-gitops", "mine"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None, "mine"),
    # The mesh's own configuration; another mesh-wide policy; a plugin for every gateway.
    ("v1", "ConfigMap", "istio-system", "istio"),
    ("security.istio.io/v1", "PeerAuthentication", "istio-system", "default"),
    ("extensions.istio.io/v1alpha1", "WasmPlugin", "istio-system", "mine"),
    ("v1", "Secret", "openshift-config-managed", "router-certs"),
    ("v1", "Namespace", None, "kube-system"),
    ("v1", "Namespace", None, "istio-system"),
    ("apps/v1", "DaemonSet", "ai-gateway-prod", "mine"),
    ("argoproj.io/v1alpha1", "Application", "openshift-gitops", "mine"),
])
def test_the_gateways_projects_can_not_make_what_reaches_beyond_it(api_version, kind, namespace, name):
    resource = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}
    assert [project for project, spec in projects().items() if permits(spec, resource)] == ["ai-gateway-platform"]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_no_namespace_is_deleted_before_a_person_said_so(name):
    for resource in resources(name):
        options = resource["metadata"]["annotations"].get("argocd.argoproj.io/sync-options", "")
        assert (options == "Prune=confirm,Delete=confirm") == (resource["kind"] == "Namespace"), render.identity_of(resource)


def test_every_application_reads_one_repository_and_names_a_project_that_is_there():
    for one in every_application():
        spec = one["spec"]
        project = projects()[spec["project"]]
        for source in spec.get("sources") or [spec["source"]]:
            assert source["repoURL"] in project["sourceRepos"]
            assert (REPOSITORY / source["path"]).is_dir(), source["path"]


def test_operators_come_before_tenants_and_tenants_before_gateways():
    wave = {name: int(application(name)["metadata"]["annotations"][render.WAVE]) for name in APPLICATIONS}
    assert wave["operators"] < wave["tenants"] < wave["dev"] < min(wave[name] for name in ("prod", *ELSEWHERE["prod"]))
    assert application("operators")["spec"]["syncPolicy"]["automated"]["prune"] is False


# --- Argo CD's own schemas ----------------------------------------------------------------------------

def strict(schema: dict) -> dict:
    """A CRD's schema that refuses unknown members, as an API server does with strict field validation."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


@cache
def schema_of(kind: str) -> dict:
    path = CRDS / f"github.com-argoproj-argo-cd-v3-{kind.lower()}-crd.yaml"
    (crd,) = documents(path)
    (version,) = [version for version in crd["spec"]["versions"] if version["name"] == "v1alpha1"]
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@pytest.mark.parametrize("path", sorted(GITOPS.rglob("*.yaml")), ids=lambda path: path.name)
def test_what_argo_cd_reads_fits_its_schema(path):
    for document in documents(path):
        assert document["metadata"]["namespace"] == "openshift-gitops"
        jsonschema.validate(document, schema_of(document["kind"]))


def test_the_schema_check_finds_a_misspelt_field():
    misspelt = application("dev")
    misspelt["spec"]["syncPolicy"]["automatd"] = {}
    with pytest.raises(jsonschema.ValidationError, match="automatd"):
        jsonschema.validate(misspelt, schema_of("Application"))
