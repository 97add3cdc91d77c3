"""Capture: what arrived in the landing zone, file by file, and what its clocks say."""

from assets.stages import Maker, SessionStep, Stage
from assets.tables.schemas import capture

STAGE = Stage(
    name="capture",
    after=capture.AFTER,
    tables=capture.TABLES,
    assets="assets.capture.defs",
    gates="checks.capture",
    session_steps=(
        SessionStep(
            keys=(
                ("capture", "recordings"),
                ("capture", "frames"),
                ("capture", "signals"),
                ("capture", "scans"),
                ("capture", "calibrations"),
                ("capture", "imported_labels"),
            ),
            after=(),
            make="assets.capture.session:take_in",
            find_due=None,
            doing="ingesting",
            unit="files",
        ),
        SessionStep(
            keys=(("capture", "anonymised_frames"),),
            after=(("capture", "frames"),),
            make="assets.capture.session:anonymise",
            find_due="assets.privacy.session:find_unanonymised",
            doing="covering what privacy asks for in",
            unit="steps",
        ),
        SessionStep(
            keys=(("capture", "clock_reports"),),
            after=(
                ("capture", "frames"),
                ("capture", "anonymised_frames"),
                ("capture", "signals"),
                ("capture", "calibrations"),
            ),
            make="assets.clocks.reports:refresh_clock_reports",
            find_due="assets.capture.session:find_unreported",
            doing="comparing the clocks of",
            unit="captures",
        ),
    ),
    makers=(
        Maker(
            "captures",
            "captures",
            (
                "assets.capture.rows:CaptureRows",
                "assets.sandbox.guard_child",
                "assets.formats:_read_to_the_end",
                "assets.formats.protocol:limit_labels",
                "assets.formats.protocol:limit_problems",
                "assets.formats.session_settings:drop_clocks",
            ),
        ),
        Maker(
            "reader archive",
            "captures",
            ("assets.formats.archives.archive:ArchiveReader",),
        ),
        Maker("reader", "captures", each_of="assets.formats:_LOOSE_READERS"),
        Maker(
            "anonymised_frames",
            "anonymised_frames",
            (
                "assets.privacy.covered:Covering",
                "assets.privacy.detectors:load_detectors",
                "assets.privacy.plates:load_plates",
            ),
        ),
        Maker(
            "clock_reports", "clock_reports", ("assets.clocks.reports:_report_capture",)
        ),
    ),
)
