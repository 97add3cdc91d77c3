"""The verbs that look at the labels of a frame, and correct them: who said what, when, and what stands."""

import datetime
import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from models.task_names import TASK_NAMES
from orchestration.cli.output import Json, join_lines, say

if TYPE_CHECKING:
    from assets.annotation.interpolation import Plan
    from assets.annotation.labels import Answer, Marked
    from assets.annotation.review import Look
    from assets.tables.rows import LabelVersionRow

labels_app = typer.Typer(
    no_args_is_help=True,
    help="Look at the labels of a frame, and correct them. Nothing is overwritten.",
)
Frame = Annotated[
    str, typer.Argument(metavar="FRAME", help="Its id, or a unique beginning of it.")
]
Task = Annotated[
    str | None,
    typer.Option(
        help=f"Of {', '.join(TASK_NAMES)}; by default the one that has labels."
    ),
]
By = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who says it; by default who is logged in."),
]
Guideline = Annotated[
    str | None,
    typer.Option(help="Id of the guideline that it was labelled by."),
]


@labels_app.callback()
def _labels() -> None:
    """Look at the labels of a frame, and correct them."""


@labels_app.command()
def show(frame: Frame, task: Task = None, as_json: Json = False) -> None:
    """Show what stands on a frame, and every version that there was: who, when, from which queue and guideline."""
    from assets.annotation.review import look
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    seen = look(build_catalog(load_settings()), frame, task)
    facts = describe_look(seen)
    say(as_json, facts, join_lines(_tell(facts)))


@labels_app.command()
def correct(
    frame: Frame,
    task: Task = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The label to change, or a beginning; none adds one."
        ),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Its class.")
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(metavar="LEFT,TOP,RIGHT,BOTTOM", help="Its box, in px."),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Its mask: a PNG as large as the frame, not black."
        ),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the label out: it is wrong.")
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="All that stands is right.")
    ] = False,
    reject: Annotated[
        bool,
        typer.Option("--reject", help="It is wrong, and the frame is not to be used."),
    ] = False,
    seen: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="The version that you looked at: refused where there is a later one.",
        ),
    ] = None,
    by: By = None,
    guideline: Guideline = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would stand. Writes nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Correct the labels of a frame: one label, or all that stands. What was said before stays as a version."""
    from assets.annotation import review
    from assets.annotation.guidelines import find_guideline
    from assets.annotation.labels import Author, Order
    from orchestration.observed import judge_labels, tell_labels
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    said = _Said(label, class_name, box, mask, remove, confirm, reject)
    settings = load_settings()
    catalog = build_catalog(settings)
    author = Author("person", by or getpass.getuser())
    order = Order(guideline_id=guideline and find_guideline(catalog, guideline))
    stood = review.look(catalog, frame, task, label)
    if seen is not None:
        review.require_seen(stood, seen)
    answer = said.make(stood)
    warnings = review.find_new_classes(catalog, stood, answer)
    if dry_run:
        review.require_fit(stood, answer)
        return _say_dry(answer, warnings, as_json)
    version = review.write(catalog, stood, answer, author, order)
    failed = judge_labels(catalog)
    told = f"{answer.act} by `daguerre labels correct`"
    tell_labels(settings, catalog, told, {"labels of the frame": len(answer.marked)})
    facts = {
        **describe_version(version),
        "failed_checks": failed,
        "warnings": warnings,
    }
    lines = [*_tell_version(facts), *_warn(warnings), *failed]
    say(as_json, facts, join_lines(lines))
    if failed:
        raise typer.Exit(1)


@labels_app.command()
def interpolate(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="A session that is taken in.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would stand. Writes nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put boxes on the frames between those that people labelled: of one object, by its track id or a stored track.

    They are nobody's word: whoever looks at a frame takes their place, and only the train part of a dataset takes
    them. Asked again, they follow what was corrected since.
    """
    from assets.annotation.interpolation import plan_interpolation, record_interpolation
    from orchestration.observed import judge_labels, tell_labels
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    plan = plan_interpolation(catalog, session)
    facts = {**_describe_plan(session, plan), "is_dry_run": dry_run}
    failed: list[str] = []
    if not dry_run:
        done = record_interpolation(catalog, plan)
        failed = judge_labels(catalog)
        told = {"interpolated frames": len(done.versions) - len(plan.withdrawn)}
        if done.versions:
            tell_labels(settings, catalog, "`daguerre labels interpolate`", told)
        facts |= {
            "written": len(done.versions),
            "known": done.known,
            "not_taken": dict(done.refused),
            "failed_checks": failed,
        }
    refused = facts.get("not_taken", {}).values()
    say(as_json, facts, join_lines([*_tell_plan(facts), *refused, *failed]))
    if failed:
        raise typer.Exit(1)


def _describe_plan(session: str, plan: "Plan") -> dict[str, Any]:
    return {
        "session": session,
        "labelled_frames": plan.num_keys,
        "frames": len(plan.answers),
        "labels": plan.num_labels,
        "labels_along_a_track": plan.by_track,
        "withdrawn": len(plan.withdrawn),
        "left_alone": plan.num_labelled,
        "refused": [
            {
                "first_frame": one.first_id,
                "last_frame": one.last_id,
                "frames": one.num_frames,
                "reason": one.reason,
            }
            for one in plan.refusals
        ],
    }


def _tell_plan(facts: Mapping[str, Any]) -> list[str]:
    along = facts["labels_along_a_track"]
    lines = [
        f"{facts['session']}: {many(facts['labels'], 'label')} on "
        f"{many(facts['frames'], 'frame')} between {facts['labelled_frames']} "
        f"that people labelled, {along} along a track, {facts['labels'] - along} on a line"
    ]
    if facts["left_alone"]:
        lines.append(f"{facts['left_alone']} frames have labels already, and keep them")
    if facts["withdrawn"]:
        lines.append(f"{facts['withdrawn']} frames lose theirs: nothing carries them")
    for one in facts["refused"]:
        ends = f"{one['first_frame'][:12]} and {one['last_frame'][:12]}"
        lines.append(f"{many(one['frames'], 'frame')} between {ends}: {one['reason']}")
    lines += [reason for reason in facts.get("not_taken", {}).values()]
    if "written" in facts:
        lines.append(
            f"{many(facts['written'], 'version')} written, {facts['known']} known"
        )
    else:
        lines.append("nothing is written")
    return lines


@dataclass(frozen=True)
class _Said:
    """What the options say of a frame: one thing."""

    label: str | None
    class_name: str | None
    box: str | None
    mask: Path | None
    is_removed: bool
    is_right: bool
    is_wrong: bool

    def __post_init__(self) -> None:
        if [self.is_change, self.is_right, self.is_wrong].count(True) != 1:
            raise ValueError(
                "say one thing: a change (--label, --class, --box, --mask, --remove), --confirm, or --reject"
            )

    @property
    def is_change(self) -> bool:
        """Whether one label is spoken of."""
        given = (self.label, self.class_name, self.box, self.mask)
        return self.is_removed or any(one is not None for one in given)

    def make(self, stood: "Look") -> "Answer":
        """What would stand. Raises ValueError as the calls of a review do, and for a box or a mask that is none."""
        from assets.annotation import review

        if not self.is_change:
            return review.confirm(stood) if self.is_right else review.reject(stood)
        place = _read_box(self.box) if self.box else None
        drawn = _read_mask(self.mask) if self.mask else None
        change = review.Change(
            self.label, self.class_name, place, drawn, self.is_removed
        )
        return review.correct(stood, [change])


def _warn(warnings: list[str]) -> list[str]:
    return [f"WARNING: {text}" for text in warnings]


def _say_dry(answer: "Answer", warnings: list[str], as_json: bool) -> None:
    facts = {
        "frame_id": answer.frame_id,
        "act": answer.act,
        "is_dry_run": True,
        "warnings": warnings,
    }
    objects = [describe_marked(marked) for marked in answer.marked]
    stands = "would stand:" if objects else "no object would stand"
    head = f"nothing is written; by {answer.act} {stands}"
    lines = [head, *map(_tell_object, objects), *_warn(warnings)]
    say(as_json, {**facts, "objects": objects}, join_lines(lines))


def describe_look(seen: "Look") -> dict[str, Any]:
    """What stands on a frame, and all versions, as JSON has it."""
    frame = seen.frame
    return {
        "frame_id": frame["frame_id"],
        "session": frame["session"],
        "sensor": frame["sensor"],
        "size_px": [frame["width_px"], frame["height_px"]],
        "task": seen.task,
        "version": seen.said.head,
        "objects": [
            {**describe_marked(marked), "origin": label["origin"]}
            for marked, label in zip(seen.marked, seen.said.labels, strict=True)
        ],
        "num_missing": seen.said.num_missing,
        "is_looked_at": bool(seen.said.looked_at or seen.said.labels),
        "versions": [describe_version(version) for version in seen.said.versions],
    }


def describe_version(version: "LabelVersionRow") -> dict[str, Any]:
    """Who said what, when, and under what; without what was drawn."""
    names = (
        *("version_id", "frame_id", "task", "number", "act", "author_kind", "author"),
        *("made_ns", "queue_id", "guideline_id", "replaces", "rests_on"),
        "num_missing",
        *("class_names", "label_ids"),
    )
    row: Mapping[str, Any] = version
    return {name: row[name] for name in names}


def describe_marked(marked: "Marked") -> dict[str, Any]:
    """One object, as JSON has it."""
    return {
        "label_id": marked.label_id,
        "class_name": marked.class_name,
        "box_xyxy": marked.box_xyxy,
        "mask_rle": marked.mask_rle,
        "track_id": marked.track_id,
        "attributes": marked.attributes,
    }


def _tell(facts: Mapping[str, Any]) -> list[str]:
    width, height = facts["size_px"]
    head = f"{facts['frame_id']} {facts['session']}/{facts['sensor']} {width}x{height} px, {facts['task']}"
    stands = f"version {facts['version']}, {len(facts['objects'])} objects"
    if not facts["is_looked_at"]:
        stands = "nobody has looked"
    lines = [f"{head}: {stands}", *map(_tell_object, facts["objects"])]
    for version in facts["versions"]:
        lines += _tell_version(version)
    return lines


def _tell_object(one: Mapping[str, Any]) -> str:
    box = one["box_xyxy"]
    where = " ".join(f"{v:g}" for v in box) if box else "the whole picture"
    more = "".join(f", {name}" for name in ("mask_rle", "attributes") if one[name])
    said = f", {one['origin']}" if one.get("origin") else ""
    return f"  {(one['label_id'] or 'new')[:12]:12}  {one['class_name']}: {where}{more.replace('_rle', '')}{said}"


def _tell_version(version: Mapping[str, Any]) -> list[str]:
    at = datetime.datetime.fromtimestamp(version["made_ns"] / 1e9, datetime.UTC)
    under = "".join(
        f", {name} {version[f'{name}_id'][:12]}"
        for name in ("queue", "guideline")
        if version[f"{name}_id"]
    )
    by = f"{version['act']} by {version['author']} ({version['author_kind']})"
    return [
        f"version {version['number']}: {by}, {at:%Y-%m-%d %H:%M} UTC, {len(version['label_ids'])} objects{under}"
    ]


def _read_box(text: str) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        raise ValueError(
            f"--box {text!r} is no box: give left,top,right,bottom in px"
        ) from None
    return left, top, right, bottom


def _read_mask(path: Path) -> str:
    from assets.images import decode_luma
    from models.masks import encode_mask

    try:
        drawn = decode_luma(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"--mask {path}: {error}: give a PNG") from None
    return encode_mask(drawn > 0)
