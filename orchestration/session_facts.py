"""Gather what is stored of one session for its page: rows, and pictures of what each stage made of it.

Belongs here: reading across stages. Does not: how it is shown (assets/evaluation), or drawing, which each stage does.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assets.tables.catalog import Catalog, session_is

if TYPE_CHECKING:
    from assets.evaluation.session_report import (
        Drawn,
        SensorLine,
        SessionReport,
    )

Enter = Callable[[str], None]


def gather_session(
    catalog: Catalog, session: str, enter: Enter = lambda _: None
) -> "SessionReport":
    """The newest rows, published or not. `enter` hears what is drawn. Raises ValueError for one without recordings."""
    from assets.evaluation.session_report import CaptureLine, SessionReport

    mine = session_is(session)
    captures = catalog.read_latest("captures", where=mine).sort_by("path").to_pylist()
    if not captures:
        raise ValueError(
            f"session '{session}' has no recordings: `daguerre status` lists the sessions"
        )
    labels = catalog.read_latest("labels", ["class_name"], mine)
    counts = labels["class_name"].value_counts().to_pylist()
    quarantine = catalog.read_latest("quarantine", where=mine).sort_by("source_path")
    return SessionReport(
        session,
        [
            CaptureLine(
                c["path"] or session, c["reader"], c["num_frames"], c["num_labels"]
            )
            for c in captures
        ],
        _list_sensors(catalog, session),
        sorted(((c["values"], c["counts"]) for c in counts), key=lambda c: (-c[1], c)),
        quarantine.to_pylist(),
        _draw(catalog, session, enter),
    )


def _list_sensors(catalog: Catalog, session: str) -> "list[SensorLine]":
    from assets.evaluation.session_report import SensorLine

    columns = ["sensor", "kind", "t_ns"]
    frames = catalog.read_latest("frames", columns, session_is(session))
    groups = frames.group_by(["sensor", "kind"]).aggregate(
        [([], "count_all"), ("t_ns", "count")]
    )
    return [
        SensorLine(r["sensor"], r["kind"], r["count_all"], r["t_ns_count"])
        for r in groups.sort_by("sensor").to_pylist()
    ]


def _draw(catalog: Catalog, session: str, enter: Enter) -> "list[Drawn]":
    from assets.evaluation.session_report import Drawn

    found = []
    for title, shows, draw in _PICTURES:
        enter(f"drawing {title.lower()}")
        try:
            picture = draw(catalog, session)
        except (ValueError, OSError) as error:  # bytes of one stage are gone
            found.append(Drawn(title, b"", f"It could not be drawn: {error}"))
            continue
        if picture is not None:
            found.append(Drawn(title, picture, shows))
    return found


def _draw_contact_sheet(catalog: Catalog, session: str) -> bytes | None:
    from assets.previews.stored_frames import draw_contact_sheet

    return draw_contact_sheet(catalog, session_is(session))


def _draw_timeline(catalog: Catalog, session: str) -> bytes | None:
    from assets.capture.streams import read_streams
    from assets.capture.timeline import draw_timeline

    return draw_timeline(read_streams(catalog, session))


def _draw_scans(catalog: Catalog, session: str) -> bytes | None:
    from assets.previews.birdseye import scans_from_above_png

    return scans_from_above_png(catalog, session_is(session))


def _draw_residuals(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.pictures import draw_residuals
    from assets.reconstruction.rig_calibration import read_report

    report = read_report(catalog, session)
    return draw_residuals(report.cameras, report.views)


def _draw_depth(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.depth_pictures import draw_depth

    return (
        draw_depth(catalog, session) if _has(catalog, "depth_maps", session) else None
    )


def _draw_epipolar_lines(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.depth_pictures import draw_epipolar_lines

    if not _has(catalog, "depth_maps", session):
        return None
    return draw_epipolar_lines(catalog, session)


def _draw_tracks(catalog: Catalog, session: str) -> bytes | None:
    from assets.previews.tracks import draw_tracks

    rows = _read(catalog, "tracks", session)
    return draw_tracks(catalog, rows) if rows else None


def _draw_sparse_model(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.sparse_models import unpack_model
    from assets.reconstruction.sparse_views import draw_model

    for row in _read(catalog, "sparse_models", session):
        if row["model_sha256"]:
            return draw_model(unpack_model(catalog, row))
    return None


def _draw_splats(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.splat_pictures import draw_views

    return draw_views(_read(catalog, "splat_views", session))


def _draw_path(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.mesh_pictures import draw_path

    rows = _read(catalog, "odometry", session)
    return draw_path(rows) if rows else None


def _draw_meshes(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.mesh_pictures import draw_meshes

    rows = _read(catalog, "meshes", session)
    return draw_meshes(catalog, rows) if rows else None


def _draw_imu(catalog: Catalog, session: str) -> bytes | None:
    from assets.reconstruction.imu_pictures import draw_mounts

    rows = _read(catalog, "imu_mounts", session)
    return draw_mounts(rows) if rows else None


def _draw_objects(catalog: Catalog, session: str) -> bytes | None:
    from assets.previews.object_boxes import draw_objects

    boxes = _read(catalog, "object_boxes", session)
    views = _read(catalog, "object_views", session)
    return draw_objects(catalog, boxes, views) if boxes else None


def _read(catalog: Catalog, table: str, session: str) -> list[Any]:
    return catalog.read_latest(table, where=session_is(session)).to_pylist()


def _has(catalog: Catalog, table: str, session: str) -> bool:
    return len(catalog.read_latest(table, ["session"], session_is(session))) > 0


_PICTURES: tuple[tuple[str, str, Callable[[Catalog, str], bytes | None]], ...] = (
    ("Frames", "Spread evenly over all that it has.", _draw_contact_sheet),
    ("Timeline", "When each sensor spoke, and where it was silent.", _draw_timeline),
    ("Scans from above", "", _draw_scans),
    ("Residuals of the board", "By place in the image.", _draw_residuals),
    ("Depth", "The image, its depth from near to far, how sure it is.", _draw_depth),
    (
        "A rectified pair",
        "What lies on a line in one image lies on it in the other.",
        _draw_epipolar_lines,
    ),
    ("How the IMU sits", "The cameras' axes in those of the IMU.", _draw_imu),
    ("Sparse model", "Cameras and points, from three sides.", _draw_sparse_model),
    (
        "Splats",
        "Views that were held out, what is drawn of them, four times the difference.",
        _draw_splats,
    ),
    ("Path of the depth camera", "From above.", _draw_path),
    ("Surface", "Fused depth, from three sides.", _draw_meshes),
    ("Tracks", "One colour an object.", _draw_tracks),
    ("Objects in space", "Their boxes, projected into images.", _draw_objects),
)
