"""The verbs that write data out for other programs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.choice import EVERYTHING
from assets.foreign_text import for_line
from assets.wording import many
from models.task_names import TASK_NAMES
from orchestration.cli.chosen import Sessions, Where, read_names, read_options
from orchestration.cli.output import Json, format_bytes, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from assets.departures import Departure
    from assets.tables.catalog import Catalog
    from assets.tables.rows import FrameRow

export_app = typer.Typer(
    no_args_is_help=True, help="Write stored data for other programs."
)

OfForm = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="coco, cvat, yolo, label-studio or masks; by default coco, of segmentation masks.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Write nothing where the format cannot hold all of the labels."
    ),
]


@export_app.callback()
def _export() -> None:
    """Write stored data for other programs."""


@export_app.command()
def rerun(
    session: Annotated[str, typer.Argument(help="The session to look into.")],
    out: Annotated[
        Path | None, typer.Option(help="The .rrd file; by default SESSION.rrd here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a session as a Rerun recording: images, depth, boxes, tracks, IMU, trajectory, on the sensors' clock;
    meshes, splats, objects in space and the sparse model."""
    from assets.retrieval.rerun_export import export_session
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    path = out or Path(f"{session}.rrd")
    catalog = build_catalog(load_settings())
    with (
        _leave(catalog, "session as rerun", path, [session]),
        show_progress(f"exporting {session}", "frames") as tick,
    ):
        counts = export_session(catalog, session, path, tick)
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(
        as_json,
        {"recording": str(path), **counts},
        f"{path}: {text}\nopen it with: rerun --bind 127.0.0.1 {path}",
    )


@export_app.command()
def frames(
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    sessions: Sessions = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="images, coco, label-studio, cvat, yolo or masks."
        ),
    ] = "coco",
    where: Where = "",
    every: Annotated[int, typer.Option(help="Each so many frames along a sensor.")] = 1,
    limit: Annotated[
        int | None, typer.Option(help="No more frames than this, spread evenly.")
    ] = None,
    sensor: Annotated[str | None, typer.Option(help="Of this sensor alone.")] = None,
    with_labels: Annotated[
        bool, typer.Option("--with-labels", help="Begin with the labels there are.")
    ] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--classes",
            metavar="NAMES",
            help="Classes for the tool, parted by commas, besides those that the sessions have.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write stored frames as pictures for a labelling tool. What it makes of them comes back by `daguerre ingest`."""
    from assets.retrieval.frame_export import (
        Order,
        Sampling,
        export_frames,
        list_classes,
        read_labels,
        sample_frames,
    )
    from assets.whole_output import require_empty
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    choice = read_options(sessions, where, ()) or EVERYTHING
    sampling = Sampling(choice.sessions, choice.where, sensor, every, limit)
    order = Order(form)
    require_empty(folder)
    catalog = build_catalog(load_settings())
    chosen = sample_frames(catalog, sampling)
    left_out = (
        f"; {chosen.num_depth} depth images are left out" if chosen.num_depth else ""
    )
    facts: dict[str, Any] = {"folder": str(folder), "format": form}
    facts["depth_left_out"] = chosen.num_depth
    listed = list_classes(catalog, form, chosen.frames, read_names(classes))
    facts["classes"] = listed
    told = _tell_classes(form, listed)
    if dry_run:
        num_sessions = len({frame["session"] for frame in chosen.frames})
        what = f"{many(len(chosen.frames), 'frame')} of {many(num_sessions, 'session')}"
        text = f"{what} would be written to {folder}{left_out}{told}"
        say(as_json, {**facts, "images": len(chosen.frames), "dry_run": True}, text)
        return
    labels = read_labels(catalog, chosen.frames) if with_labels else None
    order = Order(form, listed, labels)
    of = _count_frames(chosen.frames)
    with (
        _leave(catalog, f"frames as {form}", folder, *of),
        show_progress(f"exporting to {folder}", "frames") as tick,
    ):
        written = export_frames(catalog, chosen.frames, folder, order, tick)
    text = ", ".join(f"{count} {name}" for name, count in written.counts.items())
    unheld = "".join(f"\n{line}" for line in _tell_losses(written.left_out, form))
    say(
        as_json,
        {
            **facts,
            **written.counts,
            "bytes": written.num_bytes,
            "not_written": dict(+written.left_out),
        },
        f"{folder}: {text}, {format_bytes(written.num_bytes)}{left_out}{unheld}{told}\n"
        "land the label files that come back as a session of their own: `daguerre ingest FOLDER`",
    )


@export_app.command()
def rig(
    session: Annotated[str, typer.Argument(help="The session that was calibrated.")],
    file: Annotated[Path, typer.Argument(help="The new file.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="kalibr (a camchain), colmap (cameras.txt), nerfstudio, ros or foxglove (JSON by sensor).",
        ),
    ] = "kalibr",
    as_json: Json = False,
) -> None:
    """Write the calibration of a session as other programs have it; what they have no words for is refused."""
    from assets.reconstruction.rig_export import write_rig
    from assets.whole_output import writing_file
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    text = write_rig(catalog, session, form)
    with (
        _leave(catalog, f"rig as {form}", file, [session]),
        writing_file(file) as whole,
    ):
        whole.write_text(text)
    facts = {"file": str(file), "session": session, "format": form}
    say(as_json, facts, f"{file}: the rig of {session}, for {form}")


@export_app.command()
def sparse(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Id of a sparse model, or a unique beginning of it: `daguerre reconstruct` says it.",
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="colmap (binary), colmap-text, or nerfstudio (transforms.json).",
        ),
    ] = "colmap",
    as_json: Json = False,
) -> None:
    """Write a published sparse model with its pictures as other programs have it."""
    from assets.reconstruction.sparse_export import export_model
    from assets.reconstruction.sparse_models import open_model
    from assets.whole_output import require_empty
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    require_empty(folder)
    catalog = build_catalog(load_settings())
    ids = [image.name for image in open_model(catalog, model).images]
    of = _list_sessions(catalog, ids), len(ids)
    with (
        _leave(catalog, f"sparse model as {form}", folder, *of),
        show_progress(f"exporting to {folder}", "pictures") as tick,
    ):
        found = export_model(catalog, model, folder, form, tick)
    facts = {
        "folder": str(folder),
        "format": form,
        "images": len(found.images),
        "points": len(found.points),
    }
    text = f"{folder}: {many(len(found.images), 'picture')} and {many(len(found.points), 'point')}, for {form}"
    say(as_json, facts, text)


@export_app.command()
def mesh(
    session: Annotated[str, typer.Argument(help="The session that was fused.")],
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="ply (a file a mesh), nerfstudio or colmap: the frames with their poses too.",
        ),
    ] = "ply",
    as_json: Json = False,
) -> None:
    """Write the meshes of a session as other programs have them."""
    from assets.reconstruction.mesh_export import export_meshes
    from assets.whole_output import require_empty
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    require_empty(folder)
    catalog = build_catalog(load_settings())
    with (
        _leave(catalog, f"meshes as {form}", folder, [session]),
        show_progress(f"exporting {session}", "frames") as tick,
    ):
        counts = export_meshes(catalog, session, folder, form, tick)
    facts = {"folder": str(folder), "session": session, "format": form, **counts}
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(as_json, facts, f"{folder}: {text} of {session}, for {form}")


@export_app.command()
def splats(
    session: Annotated[str, typer.Argument(help="The session that they are of.")],
    file: Annotated[Path, typer.Argument(help="The new .ply file.")],
    as_json: Json = False,
) -> None:
    """Write the splats of a session as the PLY that viewers of Gaussian splats open."""
    from assets.reconstruction.splat_export import export_splats
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    with _leave(catalog, "splats as ply", file, [session]):
        row = export_splats(catalog, session, file)
    facts = {
        "file": str(file),
        "session": session,
        "gaussians": row["num_gaussians"],
        "bytes": row["size_bytes"],
    }
    size = format_bytes(row["size_bytes"])
    say(
        as_json, facts, f"{file}: {row['num_gaussians']} Gaussians of {session}, {size}"
    )


@export_app.command()
def labels(
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    task: Annotated[
        str | None,
        typer.Option(
            help=f"Of {', '.join(TASK_NAMES)}; by default the one that has labels."
        ),
    ] = None,
    form: OfForm = None,
    sessions: Sessions = None,
    where: Where = "",
    strict: Strict = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the labels that stand now, with their pictures: of frames that somebody looked at, also where nothing was
    found. What the format cannot hold is counted."""
    from assets.retrieval.frame_export import Sampling
    from assets.retrieval.label_export import export_labels, read_spoken
    from assets.retrieval.label_files import choose_form
    from assets.whole_output import require_empty
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    choice = read_options(sessions, where, ()) or EVERYTHING
    require_empty(folder)
    catalog = build_catalog(load_settings())
    spoken = read_spoken(catalog, Sampling(choice.sessions, choice.where), task)
    form = choose_form(form, spoken.task)
    facts: dict[str, Any] = {"folder": str(folder), "format": form}
    facts |= {"task": spoken.task, "classes": spoken.classes}
    if dry_run:
        count = spoken.labels.count([spoken.task])
        text = f"{many(count, 'label')} of {len(spoken.frames)} frames would be written to {folder} as {form}"
        counts = {"images": len(spoken.frames), "labels": count}
        return say(as_json, {**facts, **counts, "dry_run": True}, text)
    of = _count_frames(spoken.frames)
    with (
        _leave(catalog, f"labels of {spoken.task} as {form}", folder, *of),
        show_progress(f"exporting to {folder}", "frames") as tick,
    ):
        written = export_labels(catalog, spoken, folder, form, strict, tick)
    classes = ", ".join(spoken.classes)
    counts = written.counts
    head = f"{many(counts['images'], 'image')}, {many(counts['labels'], 'label')} of {spoken.task}"
    lines = [f"{folder}: {head}", f"classes: {classes or 'none'}"]
    lost = written.left_out
    say(
        as_json,
        {**facts, **counts, "bytes": written.num_bytes, "not_written": dict(lost)},
        join_lines([*lines, *_tell_losses(lost, form)]),
    )


@export_app.command()
def release(
    wanted_id: Annotated[
        str,
        typer.Argument(metavar="RELEASE", help="Its id, or a unique beginning of it."),
    ],
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    form: OfForm = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Write a release as it was trained on: pictures by part, with label files. What they cannot hold is counted."""
    from assets.retrieval.release_export import export_release
    from assets.tables.ids import complete_id
    from assets.whole_output import require_empty
    from orchestration.leaving import list_released
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    require_empty(folder)
    catalog = build_catalog(load_settings())
    release_id = complete_id(catalog, "releases", wanted_id)
    sessions = list_released(catalog, release_id)
    with (
        _leave(catalog, "release", folder, sessions, release_id=release_id) as left,
        show_progress(f"exporting to {folder}", "frames") as tick,
    ):
        facts = export_release(catalog, release_id, folder, form, strict, tick)
        left.num_frames = sum(of["images"] for of in facts["counts"].values())
    parts = "; ".join(
        f"{part} {many(count['images'], 'image')}, {many(count['labels'], 'label')}"
        for part, count in facts["counts"].items()
    )
    classes = ", ".join(facts["class_names"])
    head = f"{folder}: {facts['task']} release {release_id}"
    lines = [head, parts, f"classes: {classes or 'none'}"]
    lost = _tell_losses(facts["not_written"], facts["format"])
    say(as_json, {"folder": str(folder), **facts}, join_lines([*lines, *lost]))


@export_app.command()
def edge(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="An id or a beginning of it, TASK/VERSION, or TASK, which is its champion.",
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    as_json: Json = False,
) -> None:
    """Write a model's int8 form for small machines, if its own exam says that it may be shipped; else exits 1.

    It is held against the float form on the test split of the model's release, by the margins of the gate, and must
    take at most 0.65 of its processor time.
    """
    from assets.comparison.pair import find_model
    from assets.whole_output import require_empty
    from orchestration.edge import make_edge, tell_edge
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    require_empty(folder)
    settings = load_settings()
    catalog, tracker = build_catalog(settings), build_tracker(settings)
    row = find_model(
        catalog, model, lambda task, n: tracker.version(task, n).model_sha256
    )
    sha256, release_id = row["model_sha256"], row["release_id"]
    departure = _leave(
        *(catalog, "model as int8", folder),
        release_id=release_id,
        model_sha256=sha256,
    )
    with (
        departure as left,
        show_progress(f"examining {sha256[:16]} as int8", "frames") as t,
    ):
        made = make_edge(catalog, settings.workspace, row, folder, t)
        left.is_refused = not made.is_accepted
    facts = {**made.to_dict(), "folder": str(folder) if made.is_accepted else None}
    say(as_json, facts, join_lines(tell_edge(made, folder)))
    raise typer.Exit(int(not made.is_accepted))


def _leave(
    catalog: "Catalog", what: str, place: Path, *of: Any, **more: Any
) -> "AbstractContextManager[Departure]":
    """As `orchestration.leaving.leave`, to a place on this machine."""
    from orchestration.leaving import leave

    return leave(catalog, what, str(place.resolve()), *of, **more)


def _list_sessions(catalog: "Catalog", frame_ids: Sequence[str]) -> list[str]:
    rows = catalog.read_of("frames", ["session"], "frame_id", list(frame_ids))
    return sorted(rows["session"].unique().to_pylist())


def _count_frames(frames: "Sequence[FrameRow]") -> tuple[list[str], int]:
    """Their sessions, and how many they are."""
    from orchestration.leaving import list_sessions

    return list_sessions(frames), len(frames)


def _tell_losses(losses: Mapping[str, int], form: str) -> list[str]:
    return [
        f"not written: {count} {what}, which {form} cannot hold"
        for what, count in losses.items()
        if count
    ]


def _tell_classes(form: str, classes: Sequence[str]) -> str:
    """A line with the classes that the tool will offer, of a form that lists some."""
    from assets.retrieval.label_files import FORMATS

    if not FORMATS[form].tasks:
        return ""
    names = for_line(", ".join(classes))
    return f"\nclasses: {names or 'none yet, give the tool some with --classes NAMES'}"
