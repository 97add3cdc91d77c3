"""The dashboard is one that Grafana's own types know, and it and the alerts ask, by PromQL, for what is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from bench.promql import list_selected
from orchestration.metrics.families import FAMILIES

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "prometheus"
DASHBOARD = json.loads((FOLDER / "daguerre.dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
(GROUP,) = yaml.safe_load((FOLDER / "daguerre.rules.yml").read_text())["groups"]
RULES = GROUP["rules"]
LABELS = {family.name: set(family.labels) for family in FAMILIES}
COUNTERS = {family.name for family in FAMILIES if family.kind == "counter"}
COLUMNS = 24  # of Grafana's grid


def list_kept(query: str) -> set[str]:
    """The labels that a query's answer can have."""
    node = promql_parser.parse(query)
    if isinstance(node, promql_parser.AggregateExpr) and node.param is None:
        return set(node.modifier.labels) if node.modifier else set()
    return set.union(*(LABELS[one.name] for one in list_selected(query)))


def write_back(dashboard: dict[str, Any]) -> dict[str, Any]:
    """What Grafana's types make of a dashboard."""
    register_default_plugins()
    encoder = JSONEncoder(sort_keys=True, indent=1)
    return json.loads(encoder.encode(Dashboard.from_json(dashboard)))


def find_lost(given: Any, back: Any, at: str = "") -> list[str]:
    """Where `back` lacks, or says otherwise, what was given."""
    if isinstance(given, dict) and isinstance(back, dict):
        return [
            lost
            for name, value in given.items()
            for lost in find_lost(value, back.get(name), f"{at}/{name}")
        ]
    if isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        pairs = enumerate(zip(given, back, strict=True))
        return [lost for n, pair in pairs for lost in find_lost(*pair, f"{at}/{n}")]
    return [] if given == back else [at]


def test_grafanas_types_know_all_that_the_dashboard_says() -> None:
    assert find_lost(DASHBOARD, write_back(DASHBOARD)) == []


@pytest.mark.parametrize("place", ["gridPos", "fieldConfig", "options", "target"])
def test_what_grafanas_types_do_not_know_is_found(place: str) -> None:
    (panel,) = (one for one in PANELS if one["title"] == "Stores that answer")
    changed = json.loads(json.dumps(panel))
    inside = changed["targets"][0] if place == "target" else changed[place]
    inside["colour"] = "red"
    dashboard = {"panels": [changed]}
    (lost,) = find_lost(dashboard, write_back(dashboard))
    assert lost.endswith("/colour")


def test_panels_lie_side_by_side_in_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        columns = range(at["x"], at["x"] + at["w"])
        cells = {(x, y) for x in columns for y in range(at["y"], at["y"] + at["h"])}
        assert columns.stop <= COLUMNS and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", ["id", "title"])
def test_each_panel_has_a_name_and_number_of_its_own(name: str) -> None:
    found = [panel[name] for panel in DASHBOARD["panels"]]
    assert len({*found}) == len(found)


def test_all_panels_read_the_prometheus_that_is_chosen() -> None:
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"]) == ("source", "datasource")
    asked = {json.dumps(panel["datasource"]) for panel in PANELS}
    assert asked == {json.dumps({"type": "prometheus", "uid": "${source}"})}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_is_told(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        require_told(target["expr"])
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert shown <= list_kept(target["expr"]), target["expr"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_is_told_and_says_what_helps(
    rule: dict[str, Any],
) -> None:
    require_told(rule["expr"])
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["annotations"].keys() == {"summary", "remedy"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    shown = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    assert {*shown} <= list_kept(rule["expr"])


def require_told(query: str) -> None:
    """Metrics and labels that there are; a counter's rise, and no rise of a gauge."""
    selected = list_selected(query)
    assert selected, query
    for one in selected:
        assert one.labels <= LABELS[one.name], query
        is_rise = bool({"rate", "increase"} & one.within)
        assert is_rise == (one.name in COUNTERS), query


@pytest.mark.parametrize("query", ["rate(daguerre_up)", "sum by daguerre_up", "up["])
def test_what_is_no_promql_is_refused(query: str) -> None:
    with pytest.raises(ValueError):
        list_selected(query)


def test_every_metric_that_is_told_is_asked_for_by_a_panel_or_an_alert() -> None:
    queries = [target["expr"] for panel in PANELS for target in panel["targets"]]
    queries += [rule["expr"] for rule in RULES]
    asked = {one.name for query in queries for one in list_selected(query)}
    assert asked == LABELS.keys()
