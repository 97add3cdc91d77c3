"""Trace anything to the bytes it came from, and to everything that saw it, also where its files are gone by now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from assets.choice import read_choice
from assets.current_labels import read_said
from assets.registry.person import tell_time
from assets.retrieval.asked import trace_asked
from assets.tables.catalog import Catalog
from assets.tables.champions import list_titles
from assets.tables.ids import begins_with, take_one
from assets.tables.row_sequence import Row, RowSequence
from assets.tables.rows import PromotionRow
from assets.tables.schemas import TABLES
from models.task_names import DETECTION

Ids: TypeAlias = list[str] | pa.Array | pa.ChunkedArray
KINDS = {
    "capture": ("captures", "capture_id"),
    "frame": ("frames", "frame_id"),
    "release": ("releases", "release_id"),
    "model": ("models", "model_sha256"),
    "prediction": ("predictions", "prediction_id"),
    "track": ("tracks", "track_id"),
    "depth": ("depth_maps", "depth_map_id"),
    "sparse": ("sparse_models", "sparse_model_id"),
    "splats": ("splats", "splats_id"),
    "mesh": ("meshes", "mesh_id"),
    "mount": ("imu_mounts", "imu_mount_id"),
    "gravity": ("gravities", "gravity_id"),
    "box": ("object_boxes", "object_box_id"),
}


def trace(catalog: Catalog, kind: str, wanted_id: str) -> dict[str, Any]:
    """Upstream to file and byte offset, downstream to models and predictions; what may be many are `RowSequence`s.

    `wanted_id` may be a unique beginning of six characters or more. Raises ValueError for an unknown kind or id.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} has no lineage: use one of {', '.join(KINDS)}")
    row = _find(catalog, kind, wanted_id)
    return {"kind": kind, "id": row[KINDS[kind][1]], **_TRACERS[kind](catalog, row)}


def _find(catalog: Catalog, kind: str, wanted_id: str) -> Row:
    table, column = KINDS[kind]
    begins_so = begins_with(table, wanted_id, column)
    columns = _LIGHT.get(table)
    rows = catalog.read_latest(table, columns, begins_so).to_pylist()
    if not rows:
        gone = _read_gone(
            catalog, table, lambda v: catalog.read(table, columns, begins_so, v)
        )
        rows = [row for some in gone for row in some.to_pylist()]
    return take_one(rows, table, wanted_id, column)


def _trace_capture(catalog: Catalog, row: Row) -> dict[str, Any]:
    frames = _select(catalog, "frames", _FRAME, "capture_id", [row["capture_id"]])
    seen = {
        "frames": RowSequence(frames),
        **{
            table: _list(catalog, table, "capture_id", [row["capture_id"]])
            for table in ("imu_mounts", "gravities")
        },
    }
    return {
        "upstream": {"capture": _capture(row)},
        "downstream": seen | _after_frames(catalog, frames["frame_id"]),
    }


def _trace_frame(catalog: Catalog, row: Row) -> dict[str, Any]:
    columns = ["label_id", "task", "class_name", "origin", *_WHERE]
    labels = _select(catalog, "labels", columns, "frame_id", [row["frame_id"]])
    upstream = {
        "frame": _frame(row),
        "capture": _capture_of(catalog, row["capture_id"]),
        "labels": RowSequence(labels),
    }
    return {
        "upstream": upstream,
        "downstream": _after_frames(catalog, [row["frame_id"]]),
    }


def _trace_release(catalog: Catalog, row: Row) -> dict[str, Any]:
    return {
        "upstream": _before_release(catalog, row),
        "downstream": _after_releases(catalog, [row["release_id"]]),
    }


def _trace_model(catalog: Catalog, row: Row) -> dict[str, Any]:
    releases = _list(catalog, "releases", "release_id", [row["release_id"]])
    upstream = {
        "model": row,
        **(_before_release(catalog, releases[0]) if releases else {}),
    }
    return {
        "upstream": upstream,
        "downstream": _after_models(catalog, [row["model_sha256"]]),
    }


def _trace_prediction(catalog: Catalog, row: Row) -> dict[str, Any]:
    frames = RowSequence(
        _select(catalog, "frames", _FRAME, "frame_id", [row["frame_id"]])
    )
    models = _list(catalog, "models", "model_sha256", [row["model_sha256"]])
    upstream = {
        "prediction": row,
        "frame": frames[0] if frames else None,
        "capture": _capture_of(catalog, frames[0]["capture_id"]) if frames else None,
        "model": models[0] if models else None,
    }
    if models:
        releases = _list(catalog, "releases", "release_id", [models[0]["release_id"]])
        upstream["release"] = _release(releases[0]) if releases else None
    tracks = _list_tracks(catalog, "prediction_id", [row["prediction_id"]])
    return {"upstream": upstream, "downstream": {"tracks": tracks} if tracks else {}}


def _trace_track(catalog: Catalog, row: Row) -> dict[str, Any]:
    boxes = _select(catalog, "tracks", None, "track_id", [row["track_id"]])
    predictions = _select(
        catalog,
        "predictions",
        _PREDICTION,
        "prediction_id",
        boxes["prediction_id"].drop_null(),
    )
    frames = _select(catalog, "frames", _FRAME, "frame_id", boxes["frame_id"])
    models = _list(catalog, "models", "model_sha256", [row["model_sha256"]])
    upstream = {
        "track": {name: row[name] for name in _TRACK},
        "predictions": RowSequence(predictions),
        "frames": RowSequence(frames),
        "capture": _capture_of(catalog, row["capture_id"]),
        "model": models[0] if models else None,
    }
    mine = {"source": "tracks", "object": row["track_id"]}
    boxes = _list_object_boxes(catalog, row["capture_id"], mine)
    return {
        "upstream": upstream,
        "downstream": {"object_boxes": boxes} if boxes else {},
    }


def _trace_box(catalog: Catalog, row: Row) -> dict[str, Any]:
    """The boxes in images under its id, the frames that tell them, their depth, and the calibrations; and every view
    that it is projected into."""
    from assets.tracking.object_sights import find_depth  # scipy's rotations take long

    capture_id = row["capture_id"]
    named = _list_named(catalog, row)
    frame_ids = sorted({r["frame_id"] for r in named})
    columns = [*_FRAME, "depth_m_per_unit"]
    every = _select(catalog, "frames", columns, "capture_id", [capture_id])
    maps = _select(catalog, "depth_maps", _DEPTH, "frame_id", frame_ids)
    cameras: list[Any] = _list(catalog, "calibrations", "capture_id", [capture_id])
    depth_of = find_depth(every.to_pylist(), cameras)
    depths = [depth_of[i] for i in frame_ids if i in depth_of]
    used = pc.is_in(
        every["frame_id"], value_set=pa.array([*frame_ids, *depths], pa.string())
    )
    sensors = set(every.filter(used)["sensor"].to_pylist())
    tracks = [row["object"]] if row["source"] == "tracks" else []
    upstream = {
        "object_box": row,
        "tracks": _list_tracks(catalog, "track_id", tracks),
        "labels": named if row["source"] == "labels" else [],
        "frames": RowSequence(every.filter(used).select(_FRAME)),
        "depth_maps": RowSequence(maps),
        "calibrations": [
            {name: camera[name] for name in ("calibration_id", "session", "sensor")}
            for camera in cameras
            if camera["sensor"] in sensors
        ],
        "capture": _capture_of(catalog, capture_id),
    }
    key = "object_box_id"
    views = _select(catalog, "object_views", _OBJECT_VIEW, key, [row[key]])
    return {"upstream": upstream, "downstream": {"object_views": RowSequence(views)}}


def _list_named(catalog: Catalog, row: Row) -> list[Row]:
    """The boxes in images that an object box rests on: labels that name it, or boxes of its track that were found, and
    not put into a gap."""
    if row["source"] == "tracks":
        columns = ["frame_id", "track_id", "prediction_id", "is_filled"]
        boxes = _select(catalog, "tracks", columns, "track_id", [row["object"]])
        return list(boxes.filter(pc.invert(boxes["is_filled"])).to_pylist())
    frames = _select(catalog, "frames", _FRAME, "capture_id", [row["capture_id"]])
    color = frames.filter(pc.equal(frames["kind"], "color")).to_pylist()
    return [
        {name: label[name] for name in ("label_id", "frame_id", "track_id", "origin")}
        for (_, task), one in sorted(read_said(catalog, color).items())
        if task == DETECTION and not one.is_interpolated
        for label in one.labels
        if str(label["track_id"]) == row["object"]
        and label["class_name"] == row["class_name"]
    ]


def _list_object_boxes(
    catalog: Catalog, capture_id: str, wanted: dict[str, str]
) -> list[Row]:
    """Those of a capture with these values."""
    rows = _select(
        catalog, "object_boxes", _OBJECT_BOX, "capture_id", [capture_id]
    ).to_pylist()
    return [r for r in rows if all(r[name] == v for name, v in wanted.items())]


def _list_seen_boxes(catalog: Catalog, frame_ids: Ids) -> list[Row]:
    """The object boxes that are seen in one of the frames, or rest on it."""
    columns = ["object_box_id", "frame_id"]
    seen = _select(catalog, "object_views", columns, "frame_id", frame_ids)
    ids = seen["object_box_id"].unique()
    return list(
        _select(catalog, "object_boxes", _OBJECT_BOX, "object_box_id", ids).to_pylist()
    )


def _trace_depth(catalog: Catalog, row: Row) -> dict[str, Any]:
    """The pair of pictures, and the calibration that it rests on: a board's, or as it was recorded."""
    pair = [row[name] for name in ("frame_id", "other_frame_id") if row[name]]
    sensors = (row["sensor"], row["other_sensor"])
    tables = ("rig_calibrations", "calibrations")
    found = [
        camera
        for name in tables
        for camera in _list(catalog, name, "session", [row["calibrated_in"] or ""])
        if camera["sensor"] in sensors
    ]
    upstream = {
        "depth_map": row,
        "frames": RowSequence(_select(catalog, "frames", _FRAME, "frame_id", pair)),
        "capture": _capture_of(catalog, row["capture_id"]),
        "calibrations": [
            {name: camera[name] for name in ("calibration_id", "session", "sensor")}
            for camera in found
        ],
    }
    return {"upstream": upstream, "downstream": {}}


def _trace_sparse(catalog: Catalog, row: Row) -> dict[str, Any]:
    """The pictures of the model, and the calibrations of its cameras: a board's, or as they were recorded."""
    images = _list(
        catalog, "sparse_images", "sparse_model_id", [row["sparse_model_id"]]
    )
    frame_ids = [image["frame_id"] for image in images]
    used = {
        (image["calibrated_in"], image["sensor"], image["intrinsics_from"])
        for image in images
        if image["calibrated_in"]
    }
    tables = {"board": "rig_calibrations", "recorded": "calibrations"}
    found = [
        camera
        for session, sensor, source in sorted(used)
        for camera in _list(catalog, tables[source], "session", [session])
        if camera["sensor"] == sensor
    ]
    upstream = {
        "sparse_model": row,
        "frames": RowSequence(
            _select(catalog, "frames", _FRAME, "frame_id", frame_ids)
        ),
        "calibrations": [
            {name: camera[name] for name in ("calibration_id", "session", "sensor")}
            for camera in found
        ],
    }
    made = _list(catalog, "splats", "sparse_model_id", [row["sparse_model_id"]])
    return {"upstream": upstream, "downstream": {"splats": made}}


def _trace_splats(catalog: Catalog, row: Row) -> dict[str, Any]:
    """The sparse model that they begin with, and its pictures: learned from, or held out."""
    views = _select(
        catalog, "splat_views", _SPLAT_VIEW, "splats_id", [row["splats_id"]]
    )
    models = _list(
        catalog, "sparse_models", "sparse_model_id", [row["sparse_model_id"]]
    )
    frame_ids = views["frame_id"].to_pylist()
    upstream = {
        "splats": row,
        "sparse_models": models,
        "views": RowSequence(views),
        "frames": RowSequence(
            _select(catalog, "frames", _FRAME, "frame_id", frame_ids)
        ),
    }
    return {"upstream": upstream, "downstream": {}}


def _list_splats(catalog: Catalog, frame_ids: Ids) -> list[Row]:
    """Those that one of the frames was learned for, or held out of."""
    columns = ["splats_id", "session"]
    rows = _select(catalog, "splat_views", columns, "frame_id", frame_ids).to_pylist()
    found = {row["splats_id"]: row for row in rows}
    return [found[name] for name in sorted(found)]


def _trace_mesh(catalog: Catalog, row: Row) -> dict[str, Any]:
    """The poses that it was fused by, and the frames, of depth and of colour."""
    mine = _select(catalog, "odometry", _POSE, "capture_id", [row["capture_id"]])
    is_part = pc.and_(
        pc.equal(mine["part"], pa.scalar(row["part"], pa.int64())),
        pc.equal(mine["sensor"], row["sensor"]),
    )
    poses = mine.filter(is_part)
    names = [
        *poses["frame_id"].to_pylist(),
        *poses["color_frame_id"].drop_null().to_pylist(),
    ]
    upstream = {
        "mesh": row,
        "poses": RowSequence(poses),
        "frames": RowSequence(_select(catalog, "frames", _FRAME, "frame_id", names)),
        "capture": _capture_of(catalog, row["capture_id"]),
    }
    return {"upstream": upstream, "downstream": {}}


def _list_meshes(catalog: Catalog, frame_ids: Ids) -> list[Row]:
    """Those that one of the frames was fused into."""
    poses = pa.concat_tables(
        [
            _select(catalog, "odometry", _POSE, key, frame_ids)
            for key in ("frame_id", "color_frame_id")
        ]
    )
    parts = {
        (p["capture_id"], p["sensor"], p["part"])
        for p in poses.to_pylist()
        if p["part"] is not None
    }
    captures = sorted({capture for capture, _, _ in parts})
    rows = _select(catalog, "meshes", _MESH, "capture_id", captures).to_pylist()
    return [r for r in rows if (r["capture_id"], r["sensor"], r["part"]) in parts]


def _trace_motion(catalog: Catalog, row: Row) -> dict[str, Any]:
    """What an IMU and other sensors of one capture said together."""
    upstream = {"found": row, "capture": _capture_of(catalog, row["capture_id"])}
    return {"upstream": upstream, "downstream": {}}


def _list_depth_maps(catalog: Catalog, frame_ids: Ids) -> list[Row]:
    """Those that have one of the frames on either side."""
    found = {
        row["depth_map_id"]: row
        for key in ("frame_id", "other_frame_id")
        for row in _select(catalog, "depth_maps", _DEPTH, key, frame_ids).to_pylist()
    }
    return [found[name] for name in sorted(found)]


def _list_sparse_models(catalog: Catalog, frame_ids: Ids) -> list[Row]:
    """Those that were made with one of the frames, whether it has a place there or not."""
    columns = ["sparse_model_id", "session"]
    rows = _select(catalog, "sparse_images", columns, "frame_id", frame_ids).to_pylist()
    found = {row["sparse_model_id"]: row for row in rows}
    return [found[name] for name in sorted(found)]


def _list_tracks(catalog: Catalog, key: str, values: Ids) -> list[Row]:
    """Each track once that has a box with one of the values."""
    rows = _select(catalog, "tracks", _TRACK, key, values)
    return list(rows.group_by(_TRACK).aggregate([]).sort_by("track_id").to_pylist())


def _before_release(catalog: Catalog, row: Row) -> dict[str, Any]:
    columns = ["frame_id", "capture_id"]
    members = _select(
        catalog, "release_frames", columns, "release_id", [row["release_id"]]
    )
    captures = _list(catalog, "captures", "capture_id", members["capture_id"].unique())
    frames = _select(catalog, "frames", _FRAME, "frame_id", members["frame_id"])
    return {
        "release": _release(row),
        "captures": [_capture(c) for c in captures],
        "frames": RowSequence(frames),
        "asked": trace_asked(catalog, row["release_id"]),
    }


def _after_frames(catalog: Catalog, frame_ids: Ids) -> dict[str, Any]:
    pair = ["release_id", "split"]
    members = _select(
        catalog, "release_frames", [*pair, "frame_id"], "frame_id", frame_ids
    )
    releases = members.group_by(pair).aggregate([])
    releases = releases.sort_by([(name, "ascending") for name in pair])
    models = _list(catalog, "models", "release_id", releases["release_id"].unique())
    predictions = _select(catalog, "predictions", _PREDICTION, "frame_id", frame_ids)
    return {
        "releases": releases.to_pylist(),
        "models": models,
        "predictions": RowSequence(predictions),
        "tracks": _list_tracks(catalog, "frame_id", frame_ids),
        "depth_maps": _list_depth_maps(catalog, frame_ids),
        "sparse_models": _list_sparse_models(catalog, frame_ids),
        "splats": _list_splats(catalog, frame_ids),
        "meshes": _list_meshes(catalog, frame_ids),
        "object_boxes": _list_seen_boxes(catalog, frame_ids),
    }


def _after_releases(catalog: Catalog, release_ids: list[str]) -> dict[str, Any]:
    models = _list(catalog, "models", "release_id", release_ids)
    return {
        "models": models,
        **_after_models(catalog, [m["model_sha256"] for m in models]),
    }


def _after_models(catalog: Catalog, hashes: list[str]) -> dict[str, Any]:
    found = _select(catalog, "predictions", _PREDICTION, "model_sha256", hashes)
    titles = [_title(record) for record in list_titles(catalog, hashes)]
    return {"titles": titles, "predictions": RowSequence(found)}


_WHERE = ["source_path", "source_offset", "source_length", "source_inner_offset"]
_FRAME = [
    "frame_id",
    "capture_id",
    "session",
    "sensor",
    "kind",
    "t_ns",
    "sha256",
    *_WHERE,
]
_PREDICTION = [
    "prediction_id",
    "frame_id",
    "session",
    "task",
    "model_sha256",
    "purpose",
]
_TRACK = ["track_id", "session", "sensor", "model_sha256", "tracker", "class_name"]
_DEPTH = [
    "depth_map_id",
    "frame_id",
    "other_frame_id",
    "capture_id",
    "session",
    "sensor",
    "other_sensor",
    "calibrated_in",
    "code_version",
]
_POSE = ["odometry_id", "frame_id", "color_frame_id", "capture_id", "sensor", "part"]
_SPLAT_VIEW = [
    "splat_view_id",
    "splats_id",
    "frame_id",
    "session",
    "sensor",
    "is_held_out",
]
_MESH = ["mesh_id", "capture_id", "session", "sensor", "part", "blob_sha256"]
_OBJECT_BOX = [
    "object_box_id",
    "capture_id",
    "session",
    "source",
    "object",
    "class_name",
    "t_ns",
]
_OBJECT_VIEW = ["object_view_id", "object_box_id", "frame_id", "sensor", "is_used"]
# of tables that hold pictures
_LIGHT = {"frames": _FRAME, "depth_maps": _DEPTH}
_TRACERS: dict[str, Callable[[Catalog, Row], dict[str, Any]]] = {
    "capture": _trace_capture,
    "frame": _trace_frame,
    "release": _trace_release,
    "model": _trace_model,
    "prediction": _trace_prediction,
    "track": _trace_track,
    "depth": _trace_depth,
    "sparse": _trace_sparse,
    "splats": _trace_splats,
    "mesh": _trace_mesh,
    "mount": _trace_motion,
    "gravity": _trace_motion,
    "box": _trace_box,
}


def _list(catalog: Catalog, table: str, key: str, values: Ids) -> list[Row]:
    """Rows that are few, with all columns."""
    return list(_select(catalog, table, None, key, values).to_pylist())


def _select(
    catalog: Catalog, table: str, columns: list[str] | None, key: str, values: Ids
) -> pa.Table:
    """Rows with one of the values, in the order of their keys; of files that are gone, too."""
    own_key = TABLES[table].key
    rows = catalog.read_of(table, columns, key, values)
    if key == own_key:
        wanted = pa.array(values, pa.string()) if isinstance(values, list) else values
        lacking = wanted.filter(pc.invert(pc.is_in(wanted, value_set=rows[key])))
        gone = len(lacking) and _read_gone(
            catalog, table, lambda v: catalog.read_of(table, columns, key, lacking, v)
        )
        rows = pa.concat_tables([rows, *(gone or ())], promote_options="default")
    return rows.sort_by(own_key) if own_key in rows.column_names else rows


def _read_gone(
    catalog: Catalog, table: str, read: Callable[[int], pa.Table]
) -> list[pa.Table]:
    """Rows of files that are gone, of the versions that had them last; none of tables whose rows stay."""
    if table not in ("frames", "captures"):
        return []
    marks = catalog.read_latest("gone", [f"{table}_version"])[f"{table}_version"]
    versions = set(marks.drop_null().to_pylist())
    if table == "frames":
        pinned = catalog.read_latest("releases", ["frames_version"])["frames_version"]
        versions |= set(pinned.to_pylist())
    key = TABLES[table].key
    found: list[pa.Table] = []
    known = pa.chunked_array([], pa.string())
    for version in sorted(versions, reverse=True):
        rows = read(version)
        found.append(rows.filter(pc.invert(pc.is_in(rows[key], value_set=known))))
        known = pa.chunked_array([*known.chunks, *found[-1][key].chunks], pa.string())
    return found


def _capture_of(catalog: Catalog, capture_id: str) -> Row | None:
    rows = _list(catalog, "captures", "capture_id", [capture_id])
    return _capture(rows[0]) if rows else None


def _capture(row: Row) -> Row:
    names = (
        "capture_id",
        "session",
        "path",
        "source_uri",
        "reader",
        "sha256",
        "size_bytes",
    )
    return {name: row[name] for name in names}


def _frame(row: Row) -> Row:
    return {name: row[name] for name in _FRAME}


def _title(record: PromotionRow) -> Row:
    """When a model became champion or was taken back, who did it, and why."""
    names = ("task", "act", "who", "why", "before_version", "after_version")
    said = {name: record[name] for name in names}  # type: ignore[literal-required]
    return {"at": tell_time(record["at_ns"]), **said}


def _release(row: Row) -> Row:
    names = (
        "release_id",
        "task",
        "num_frames",
        "content_sha256",
        "sessions",
        "code_version",
    )
    return {
        **{name: row[name] for name in names},
        "chosen": read_choice(row["choice"]).summary,
        "warnings": list(row["weaknesses"] or ()),
    }
