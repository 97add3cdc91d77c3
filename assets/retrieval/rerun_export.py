"""Write one session as a Rerun recording: images, depth, boxes, tracks, scans, IMU, paths on the sensors' own clock,
and what was found of its space.

Entities: `CAPTURE/WORLD/rig/SENSOR` for a camera whose place on the rig is known, `CAPTURE/WORLD/SENSOR` for another,
its boxes and tracks below it; `SENSOR_depth/OTHER` beside it for points of a stereo pair; `CAPTURE/WORLD/SENSOR` for
scans, or below the body that carries them; `CAPTURE/WORLD/BODY` for what a pose moves; `CAPTURE/imu/SENSOR` for rates
and accelerations; `CAPTURE/reconstruction/SENSOR/part N` for meshes and the paths that they were fused along;
`CAPTURE/FRAME/objects/SOURCE/OBJECT` for objects in space; `sparse_model` and `splats` for those of the session.

Frames are spaces of their own where nothing says how they lie to one another: the outermost ones of each capture, each
part of a reconstruction, and a sparse model with the splats that were learned from it. Left out: positions on Earth,
transforms beside the rig's, masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from assets.retrieval.rerun_cameras import (
    Found,
    read_found,
    read_frames,
    write_calibration,
    write_frame,
)
from assets.retrieval.rerun_clouds import write_depth_clouds, write_scans
from assets.retrieval.rerun_motion import read_signals, write_imu, write_poses
from assets.retrieval.rerun_recording import Recording, join, open_recording
from assets.retrieval.rerun_space import write_objects, write_sparse_model
from assets.retrieval.rerun_surfaces import write_meshes, write_splats
from assets.tables.catalog import Catalog, repr_sql, session_is
from assets.tables.rows import CaptureRow
from assets.whole_output import writing_file


def export_session(
    catalog: Catalog,
    session: str,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write the .rrd file, complete or not at all; returns how many of what it holds.

    Rows are the newest, held or not. Images are handed on without the metadata inside them. Raises ValueError for a
    session that has no captures, and as `writing_file` does.
    """
    captures = (
        catalog.read_latest("captures", where=session_is(session))
        .sort_by("path")
        .to_pylist()
    )
    if not captures:
        raise ValueError(
            f"session '{session}' has no captures: `daguerre status` lists the sessions"
        )
    recording = open_recording(session)
    with writing_file(out) as partial:
        recording.stream.save(partial)
        _write(catalog, captures, recording, on_progress or (lambda done, total: None))
        recording.stream.flush()  # raises where a part did not reach the file
        recording.stream.disconnect()
    return dict(recording.counts)


def _write(
    catalog: Catalog,
    captures: list[CaptureRow],
    recording: Recording,
    report: Callable[[int, int], None],
) -> None:
    import rerun as rr

    session = captures[0]["session"]
    found = read_found(catalog, session)
    recording.log("/", rr.AnnotationContext(list(enumerate(found.class_names))))
    write_sparse_model(catalog, recording, session)
    write_splats(catalog, recording, session)
    total = sum(capture["num_frames"] for capture in captures)

    def tick() -> None:
        done = recording.counts["images"] + recording.counts["depth_images"]
        report(done, total)

    for root, capture in zip(_name_roots(captures), captures, strict=True):
        mine = f"capture_id = {repr_sql(capture['capture_id'])}"
        _write_capture(catalog, recording, root, mine, found, tick)


def _write_capture(
    catalog: Catalog,
    recording: Recording,
    root: str,
    mine: str,
    found: Found,
    tick: Callable[[], None],
) -> None:
    signals = read_signals(catalog, mine)
    bodies = write_poses(recording, root, signals)
    write_imu(recording, root, signals)
    write_scans(catalog, recording, bodies, mine)
    write_meshes(catalog, recording, root, mine)
    write_objects(catalog, recording, bodies, mine)
    rows = catalog.read_latest("calibrations", where=mine).to_pylist()
    calibrations = {c["sensor"]: c for c in rows}
    write_depth_clouds(catalog, recording, bodies, mine, calibrations)
    cameras = {
        sensor: write_calibration(recording, bodies, c)
        for sensor, c in calibrations.items()
    }
    for frame, image in read_frames(catalog, mine):
        sensor = frame["sensor"]
        camera = cameras.setdefault(sensor, bodies.find(sensor, sensor))
        write_frame(recording, camera, frame, image, found)
        tick()


def _name_roots(captures: Sequence[CaptureRow]) -> list[str]:
    """The capture's file name without suffix, with its number where two are called the same."""
    names = [PurePosixPath(c["path"]).stem or c["session"] for c in captures]
    return [join(n if names.count(n) == 1 else f"{n} {i}") for i, n in enumerate(names)]
