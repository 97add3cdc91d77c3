"""The page on metrics lists those that there are, and the example of alerts asks for no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from orchestration.metrics.exposition import write_text
from orchestration.metrics.families import FAMILIES
from orchestration.metrics.scrape import open_scraper

HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to"
RULES = HOW_TO / "prometheus" / "daguerre.rules.yml"
DASHBOARD = HOW_TO / "prometheus" / "daguerre.dashboard.json"
_SELECTED = re.compile(r"(daguerre_\w+)(?:\{([^}]*)\})?")


def test_the_page_lists_every_metric_with_its_labels_and_meaning() -> None:
    page = (HOW_TO / "watch-with-prometheus.md").read_text()
    rows = re.findall(r"^\| `(daguerre_\w+)` \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [
        (f.name, ", ".join(f"`{label}`" for label in f.labels), f.text)
        for f in FAMILIES
    ]


@pytest.mark.filterwarnings("default")
def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_are_told(
    full_home,
) -> None:
    told = write_text(open_scraper(full_home).scrape())
    _require_told_to_alerts(told)
    _require_told_to_dashboard(told)


def _require_told_to_alerts(told: str) -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    labels = {f.name: set(f.labels) for f in FAMILIES}
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) > 10
    for rule in group["rules"]:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"].keys() == {"summary", "remedy"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        selected = _SELECTED.findall(rule["expr"])
        assert selected, rule["alert"]
        for name, matchers in selected:
            assert f"\n{name}{{" in told or f"\n{name} " in told, rule["alert"]
            asked = set(re.findall(r"(\w+)\s*[=!]", matchers))
            assert asked <= labels[name], rule["alert"]
        grouped = re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"])
        shown = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
        known = set.union(*(labels[name] for name, _ in selected))
        by = {label.strip() for part in grouped for label in part.split(",")}
        assert {*by, *shown} <= known, rule["alert"]


def _require_told_to_dashboard(told: str) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    labels = {f.name: set(f.labels) for f in FAMILIES}
    panels = dashboard["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels) > 10
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["datasource"]["uid"] == "${source}"
        for target in panel["targets"]:
            selected = _SELECTED.findall(target["expr"])
            assert selected, panel["title"]
            for name, matchers in selected:
                assert f"\n{name}{{" in told or f"\n{name} " in told, panel["title"]
                assert set(re.findall(r"(\w+)\s*=", matchers)) <= labels[name]
            known = set.union(*(labels[name] for name, _ in selected))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= known
    (source,) = dashboard["templating"]["list"]
    assert (source["name"], source["type"]) == ("source", "datasource")


def test_the_dashboard_shows_every_metric_of_monitoring() -> None:
    asked = set(re.findall(r"daguerre_\w+", DASHBOARD.read_text()))
    of_monitoring = {
        f.name
        for f in FAMILIES
        if re.search("drift_evidence|estimate|alarms|feeds", f.name)
    }
    assert len(of_monitoring) == 8 and of_monitoring <= asked
