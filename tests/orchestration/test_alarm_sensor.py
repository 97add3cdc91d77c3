"""The sensor that raises alarms, as the daemon evaluates it; and the setting that names the webhook."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from orchestration.profiles import load_settings
from orchestration.resources import build_webhook
from orchestration.sensors.alarms import alarm_sensor

HOOK = "https://hooks.example/services/s3cret"


def tick(catalog: Catalog, cursor: str | None) -> dg.SensorResult:
    resources = {"catalog": catalog, "webhook": None}
    with dg.build_sensor_context(cursor=cursor, resources=resources) as context:
        found = alarm_sensor(context)
    assert isinstance(found, dg.SensorResult)
    return found


def test_a_tick_raises_what_is_new_and_reads_verdicts_only_when_there_is_one(tmp_path):
    catalog = Catalog(str(tmp_path / "tables"))
    first = tick(catalog, None)
    assert "no new alarms" in str(first.skip_reason)
    row = {"task": "detection", "model_name": "m", "model_version": 1}
    champion = plain_row("champions", row)
    catalog.merge("champions", to_table(TABLES["champions"], [champion]))
    verdict = {
        "drift_id": content_id("d"),
        "session": "dusk",
        "sensor": "left",
        "model_name": "m",
        "model_version": 1,
        "release_id": champion["release_id"],
        "statistic": "brightness",
        "value": -40.0,
        "raw_p_value": 1e-9,
        "num_reference": 8,
        "judged_ns": 1,
    }
    drift = to_table(TABLES["drift"], [plain_row("drift", verdict)])
    catalog.merge("drift", drift)
    second = tick(catalog, first.cursor)
    assert "1 new alarms" in str(second.skip_reason)
    assert second.cursor != first.cursor
    third = tick(catalog, second.cursor)
    assert "no new alarms" in str(third.skip_reason) and third.cursor == second.cursor
    assert catalog.read_latest("alarms").num_rows == 1


def test_the_webhook_is_read_from_the_environment_and_shown_nowhere(tmp_path):
    env = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_ALARM_WEBHOOK": HOOK}
    settings = load_settings(env)
    hook = build_webhook(settings)
    assert hook is not None and hook.url == HOOK
    assert "s3cret" not in repr(settings) + repr(hook)
    assert build_webhook(load_settings({"DAGUERRE_HOME": str(tmp_path)})) is None


@pytest.mark.parametrize(
    "text",
    ["http://hooks.example/s3cret", "hooks.example/s3cret", "https://me:s3cret@host/"],
)
def test_an_address_that_is_no_webhook_is_refused_without_showing_it(tmp_path, text):
    env = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_ALARM_WEBHOOK": text}
    with pytest.raises(ValueError, match="DAGUERRE_ALARM_WEBHOOK is no") as caught:
        load_settings(env)
    assert "s3cret" not in str(caught.value)
