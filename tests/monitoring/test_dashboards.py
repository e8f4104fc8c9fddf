"""The kept dashboards are what their source gives, and hold what their readers need."""

from __future__ import annotations

import json
import subprocess
import sys

from watched import queries, shipped

GRAFANA_PANELS = {"stat", "timeseries"}
CONSOLE_PANELS = {"singlestat", "graph"}
"""Of what OpenShift's console knows (graph, singlestat, gauge, table, grafana-piechart-panel)."""

ANNOTATION_LIMIT = 262_144
"""Bytes: `kubectl apply` keeps a copy of what it applies in an annotation."""


def generate(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "tools.dashboards", *arguments], cwd=shipped.REPOSITORY,
                          capture_output=True, text=True, timeout=60)


def test_the_kept_files_are_what_the_source_gives():
    done = generate("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kept_file_that_somebody_edited_is_found_by_its_name(tmp_path):
    for name in ("grafana-dashboards-configmap.yaml", "console-dashboards-configmap.yaml"):
        (tmp_path / name).write_text((shipped.REPOSITORY / "monitoring/base" / name).read_text())
    (tmp_path / "console-dashboards-configmap.yaml").open("a").write("# edited\n")
    done = generate("--check", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert "console-dashboards-configmap.yaml is not what tools/dashboards gives" in done.stdout
    assert "grafana-dashboards" not in done.stdout


def test_each_reader_knows_the_panels_that_it_gets():
    for place, _, panel in queries.panels(shipped.production()):
        known = CONSOLE_PANELS if "openshift-config-managed" in place else GRAFANA_PANELS
        assert panel["type"] in known, f"{place}, panel {panel['title']}"


def test_grafanas_panels_have_numbers_of_their_own_and_do_not_overlap():
    (resource,) = [r for r in shipped.of_kind(shipped.production(), "ConfigMap") if r["metadata"]["name"] == "ai-gateway-dashboards"]
    for name, text in resource["data"].items():
        panels = json.loads(text)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels), name
        cells = [(x, y) for panel in panels for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
                 for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])]
        assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24, name


def test_the_operators_resources_lead_to_dashboards_that_are_there():
    for environment in ("dev", "prod"):
        resources = shipped.built(f"monitoring/overlays/{environment}")
        maps = {r["metadata"]["name"]: r for r in shipped.of_kind(resources, "ConfigMap")}
        boards = shipped.of_kind(resources, "GrafanaDashboard")
        assert {board["spec"]["configMapRef"]["key"] for board in boards} == set(maps["ai-gateway-dashboards"]["data"])
        for board in boards:
            reference = board["spec"]["configMapRef"]
            assert reference["key"] in maps[reference["name"]]["data"]
            assert board["metadata"]["namespace"] == f"ai-gateway-{environment}" == maps[reference["name"]]["metadata"]["namespace"]
            assert board["spec"]["uid"].startswith(f"ai-gateway-{environment}-")


def test_what_stands_in_the_platforms_namespaces_ships_with_production_alone():
    def namespaces(environment: str) -> set[str]:
        return {r["metadata"]["namespace"] for r in shipped.built(f"monitoring/overlays/{environment}")}

    assert namespaces("dev") == {"ai-gateway-dev"}
    assert namespaces("prod") == {"ai-gateway-prod", "istio-system", "openshift-config-managed"}


def test_a_config_map_fits_into_kubectls_annotation():
    for resource in shipped.of_kind(shipped.production(), "ConfigMap"):
        assert len(json.dumps(resource)) < ANNOTATION_LIMIT, shipped.identity(resource)
