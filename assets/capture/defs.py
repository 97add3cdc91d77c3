"""Captures as assets: what intake took from one session."""

from collections.abc import Iterator

import dagster as dg

from assets.capture.intake import Intake
from assets.landing import LandingZone
from assets.materialize import progress_to, result
from assets.partitions import sessions
from assets.tables.catalog import Catalog, session_is

_TABLES = {
    "recordings": "captures", "frames": "frames", "signals": "signals", "calibrations": "calibrations",
    "imported_labels": "labels",
}  # fmt: skip


@dg.multi_asset(
    name="intake",
    partitions_def=sessions,
    group_name="capture",
    specs=[
        dg.AssetSpec(["capture", noun], description=f"Rows of table `{table}` for one session.", kinds={"lance"})
        for noun, table in _TABLES.items()
    ],
)
def captures(
    context: dg.AssetExecutionContext,
    landing_zone: dg.ResourceParam[LandingZone],
    intake: dg.ResourceParam[Intake],
    catalog: dg.ResourceParam[Catalog],
) -> Iterator[dg.MaterializeResult]:
    """Take in every file of the session exactly once; quarantine what cannot be read."""
    session = context.partition_key
    report = intake.ingest(landing_zone.locate(session), session, progress_to(context.log, "files"))
    facts = {name: getattr(report, name) for name in ("files", "new", "already_ingested", "quarantined", "problems")}
    for noun, table in _TABLES.items():
        metadata = (
            {**facts, "quarantined files": dg.MetadataValue.json(report.reasons[:50])} if noun == "recordings" else {}
        )
        if noun == "frames":
            metadata = {"contact sheet": _contact_sheet(catalog, session)}
        yield result(catalog, table, ["capture", noun], session, metadata)


def _contact_sheet(catalog: Catalog, session: str, count: int = 12) -> dg.MetadataValue:
    from assets.materialize import picture
    from assets.tables.previews import contact_sheet_png

    png = contact_sheet_png(catalog, session_is(session), count)
    return picture(png) if png else dg.MetadataValue.text("no colour frames")


defs = dg.Definitions(assets=[captures])
