"""What every table owes: a gate that judges it, a rule that says whose rows an erasure takes, a check that is wired."""

from __future__ import annotations

import pytest

from assets.partitions import sessions
from assets.tables.schemas import TABLES
from checks.as_check import all_gates
from checks.expectations import name_schema_check
from checks.gates import GATES

# written without an asset, or by the engine for itself
UNATTACHED = {
    "agent_exams",  # judged by the verb that writes them
    "agent_marks",
    "alarms",
    "answer_drift",
    "champions",
    "estimates",
    "feed_sightings",
    "promotions",
    "edge_forms",
    "retraining_requests",
    "canary_returns",
    "publications",
    "pointers",
    "departures",
    "consents",
    "unsealings",
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_gate(name):
    assert GATES[name].table == name
    assert GATES[name].names[0] == name_schema_check(TABLES[name])


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_an_erase_rule(name):
    table = TABLES[name]
    assert table.erase == "none" or table.erase in table.schema.names, (
        f"{name} is erased by unknown '{table.erase}'"
    )
    if table.erase == "none":
        personal = [
            c.name for c in table.columns if c.privacy in ("personal", "restricted")
        ]
        assert not personal, f"{name} holds {personal} and no erasure finds them"


@pytest.mark.parametrize("name", sorted(TABLES.keys() - UNATTACHED))
def test_every_table_of_an_asset_is_checked_in_the_graph(name):
    wired = {spec.name for gate in all_gates(sessions) for spec in gate.check_specs}
    assert set(GATES[name].names) <= wired
