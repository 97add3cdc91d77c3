"""Captures as assets: what intake took from one session."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import dagster as dg

from assets.batches import Event, make_each
from assets.capture.intake import Intake
from assets.capture.label_summary import summarise_labels
from assets.capture.session import anonymise, take_in
from assets.capture.session_page import (
    count_changes,
    list_notes,
    list_quarantine,
    list_sync,
    markdown_table,
)
from assets.capture.stage import STAGE
from assets.capture.streams import read_streams
from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.materialize import progress_to, result
from assets.partitions import sessions
from assets.tables.catalog import Catalog, session_is

_MOST_REASONS = 50
# tables that are not called like their asset
_OTHER_NAMES = {"recordings": "captures", "imported_labels": "labels"}
_TABLES = {
    noun: _OTHER_NAMES.get(noun, noun) for _, noun in STAGE.step_of("recordings").keys
}
_DESCRIPTIONS = {
    "recordings": "Files and folders that were taken in: reader, hash, begin and end, what they hold.",
    "frames": "Pictures of cameras and of depth: time on the sensor's clock, size, and where their bytes lie.",
    "signals": "Samples of IMU, GNSS, odometry and poses, and where sensors sit on their rig.",
    "scans": "Point clouds and laser scans: time, frame of reference, where their points lie in the file.",
    "calibrations": "Intrinsics and distortion of cameras, as the recording states them.",
    "imported_labels": "Labels that came with the data: classes, boxes, masks, keypoints, by frame.",
}


@dg.multi_asset(
    name="intake",
    partitions_def=sessions,
    group_name="capture",
    specs=[
        dg.AssetSpec(
            ["capture", noun],
            description=f"{_DESCRIPTIONS[noun]} Table `{table}`, by session.",
            kinds={"lance"},
        )
        for noun, table in _TABLES.items()
    ],
)
def captures(
    context: dg.AssetExecutionContext,
    landing_zone: dg.ResourceParam[LandingZone],
    intake: dg.ResourceParam[Intake],
    catalog: dg.ResourceParam[Catalog],
) -> Iterator[Event]:
    """Take in every file of the session exactly once; quarantine what cannot be read."""

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        return _take_in(context, session, landing_zone, intake, catalog)

    yield from make_each(context, make)


def _take_in(
    context: dg.AssetExecutionContext,
    session: str,
    landing_zone: LandingZone,
    intake: Intake,
    catalog: Catalog,
) -> Iterator[dg.MaterializeResult]:
    before = intake.ledger.outcomes(session)
    report = take_in(
        session, landing_zone.locate(session), intake, progress_to(context.log, "files")
    )
    intake.ledger.end_intake(session, context.run.run_id)
    facts: dict[str, Any] = {
        name: getattr(report, name)
        for name in (
            "files",
            "new",
            "already_ingested",
            "quarantined",
            "problems",
            "gone",
        )
    }
    facts["files changed"] = count_changes(before, intake.ledger.outcomes(session))
    pages = SessionPages(catalog, intake.ledger, session)
    for noun, table in _TABLES.items():
        shown = pages.describe(noun)
        shown |= facts if noun == "recordings" else {}
        yield result(catalog, table, ["capture", noun], session, shown)


class SessionPages:
    """What Dagster shows of the assets of capture for one session, from what is stored: the same whoever took it in.

    Pictures are of the newest rows, and drawn once, whichever assets show them. Nothing is written.
    """

    def __init__(self, catalog: Catalog, ledger: Ledger, session: str) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._session = session

    def describe(self, noun: str) -> dict[str, Any]:
        """Of `capture/<noun>`. Empty where an asset has no more to show than its counts."""
        match noun:
            case "recordings":
                return self._describe_recordings()
            case "frames":
                return {"contact sheet": self._contact_sheet}
            case "scans":
                return {"scans from above": self._draw_scans()}
            case "imported_labels":
                return self._describe_labels()
            case "clock_reports":
                return _describe_clocks(self._catalog, self._session)
        return {}

    @cached_property
    def _contact_sheet(self) -> dg.MetadataValue:
        from assets.materialize import picture
        from assets.previews.stored_frames import draw_contact_sheet

        sheet = draw_contact_sheet(self._catalog, session_is(self._session))
        return picture(sheet) if sheet else dg.MetadataValue.text("no colour frames")

    def _describe_labels(self) -> dict[str, dg.MetadataValue]:
        """How many labels pictures have, how many have none, and what was left out."""
        summary = summarise_labels(self._catalog, self._session)
        reasons = [
            {"why": why, "records": count}
            for why, count in summary.left_out[:_MOST_REASONS]
        ]
        return {
            "labels": dg.MetadataValue.md(
                markdown_table([task.row for task in summary.tasks]) or "no labels"
            ),
            "left out": dg.MetadataValue.md(markdown_table(reasons) or "nothing"),
        }

    def _describe_recordings(self) -> dict[str, Any]:
        """The session's page: pictures, the timeline of its sensors, and what needs a person."""
        from assets.capture.timeline import draw_timeline
        from assets.materialize import picture

        catalog, session = self._catalog, self._session
        known = self._ledger.outcomes(session).values()
        files = [o for o in known if o.outcome != "gone"]
        refused = [o for o in files if o.outcome == "quarantined"]
        streams = read_streams(catalog, session)
        timeline = draw_timeline(streams)
        quarantine = list_quarantine(catalog, session, refused)
        return {
            "files": len(files),
            "quarantined": len(refused),
            "contact sheet": self._contact_sheet,
            "timeline": picture(timeline)
            if timeline
            else dg.MetadataValue.text("no samples"),
            "sync report": dg.MetadataValue.md(list_sync(catalog, session, streams)),
            "quarantine": dg.MetadataValue.md(quarantine),
            "notes of the readers": dg.MetadataValue.md(list_notes(catalog, session)),
        }

    def _draw_scans(self) -> dg.MetadataValue:
        from assets.materialize import picture
        from assets.previews.birdseye import scans_from_above_png

        png = scans_from_above_png(self._catalog, session_is(self._session))
        return picture(png) if png else dg.MetadataValue.text("no scans")


@dg.asset(
    key=["capture", "anonymised_frames"],
    partitions_def=sessions,
    group_name="capture",
    deps=list(map(dg.AssetKey, STAGE.step_of("anonymised_frames").after)),
    kinds={"lance", "onnx"},
)
def anonymised_frames(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    intake: dg.ResourceParam[Intake],
) -> Iterator[Event]:
    """What was covered in each colour frame of a session under a privacy policy; no rows where it is under none."""

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"faces in {session}")
        done = anonymise(session, intake, progress)
        key = ["capture", "anonymised_frames"]
        facts = {"frames": done.summary}
        yield result(catalog, "anonymised_frames", key, session, facts)

    yield from make_each(context, make)


def _describe_clocks(catalog: Catalog, session: str) -> dict[str, Any]:
    from assets.clocks.reports import describe_evidence

    return {"evidence": dg.MetadataValue.md(describe_evidence(catalog, session))}


@dg.asset(
    key=["capture", "clock_reports"],
    partitions_def=sessions,
    group_name="capture",
    deps=list(map(dg.AssetKey, STAGE.step_of("clock_reports").after)),
    kinds={"lance"},
)
def clock_reports(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """Of every sensor: what its stamps say, and how far images and gyroscope prove clock and calibration wrong."""
    from assets.clocks.reports import refresh_clock_reports

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"captures of {session}")
        done = refresh_clock_reports(catalog, session, progress)
        facts = {"rows": done.summary, **_describe_clocks(catalog, session)}
        key = ["capture", "clock_reports"]
        yield result(catalog, "clock_reports", key, session, facts)

    yield from make_each(context, make)


defs = dg.Definitions(assets=[captures, anonymised_frames, clock_reports])
