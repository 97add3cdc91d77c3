"""What a release must be: equal to its hash, whole in its targets, no side empty, every class in train."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assets.kinds import KINDS, find_kind
from assets.tables.class_list import count_parts
from assets.tables.releases import hash_content, list_class_ids, tabulate_classes
from assets.tables.rows import ReleaseFrameRow, ReleaseRow
from checks.splits import SPLITS
from checks.stored_rows import RowStream
from checks.verdicts import Rule, Tolerance, Verdict, judge_share

UNTRAINED_CLASSES = Tolerance(warn_above=0.0, block_above=0.2)


def release_matches_its_hash(releases: pa.Table, release_frames: pa.Table) -> Verdict:
    """The rows of a release hash to its content hash, its id and its counts."""
    rows = releases.to_pylist()
    faults = [
        (
            r["release_id"],
            _find_hash_fault(r, _frames_of(release_frames, r["release_id"])),
        )
        for r in rows
    ]
    return judge_share(
        "release_matches_its_hash",
        num_checked=len(rows),
        offenders=[f"{i}: {f}" for i, f in faults if f],
        of="releases",
        fault="hold other rows than were frozen",
        figures={"num_rows": len(release_frames)},
    )


def release_targets_are_whole(
    release_frames: pa.Table | RowStream, releases: pa.Table
) -> Verdict:
    """Every frame of a release has its class, boxes or masks: known classes, four numbers a box, area above zero. None
    at all is a target too, but of recognition and segmentation."""
    of = {release["release_id"]: release for release in releases.to_pylist()}
    faults = []
    num_checked = 0
    for batch in release_frames.to_batches():
        for row in batch.to_pylist():
            release = of.get(row["release_id"])
            if release:
                num_checked += 1
                fault = _find_target_fault(
                    row, release["task"], len(release["class_names"])
                )
                faults += [f"{row['frame_id']}: {fault}"] if fault else []
    return judge_share(
        "release_targets_are_whole",
        num_checked=num_checked,
        offenders=faults,
        of="release frames",
        fault="have no usable target",
    )


def every_release_split_has_frames(
    release_frames: pa.Table, releases: pa.Table
) -> Verdict:
    """Train, val and test of a release each hold frames."""
    sides = 0
    empty = []
    figures: dict[str, float | int | str] = {}
    for release in releases.to_pylist():
        frames = _frames_of(release_frames, release["release_id"])
        found = count_parts(frames)
        sides += len(SPLITS) if len(frames) else 0
        empty += [
            f"{release['task']} {release['release_id']}: {s}"
            for s in SPLITS
            if not found[s]
        ]
        figures |= {f"num_{release['task']}_{s}": found[s] for s in SPLITS}
    return judge_share(
        "every_release_split_has_frames",
        num_checked=sides,
        offenders=empty,
        of="splits",
        fault="hold no frame",
        figures=figures,
    )


def every_class_is_in_train(release_frames: pa.Table, releases: pa.Table) -> Verdict:
    """Every class of a release has examples in its train split. A few that lack them are told, a fifth blocks."""
    missing = []
    num_classes = 0
    found = releases.to_pylist()
    taught = [release for release in found if find_kind(release["task"]).needs_labels]
    for release in taught:
        frames = _frames_of(release_frames, release["release_id"])
        train = frames.filter(pc.equal(frames["split"], "train"))
        trained = set(tabulate_classes(train)["class_id"].unique().to_pylist())
        names = release["class_names"] if len(frames) else []
        num_classes += len(names)
        missing += [
            f"{release['task']}: {name}"
            for index, name in enumerate(names)
            if index not in trained
        ]
    return judge_share(
        "every_class_is_in_train",
        num_checked=num_classes,
        offenders=missing,
        of="classes",
        fault="have no example in train",
        tolerance=UNTRAINED_CLASSES,
        empty_reason=f"{found[0]['task']} learns no class"
        if found and not taught
        else None,
    )


_RELEASE = (
    "release_id",
    "task",
    "class_names",
    "num_frames",
    "num_labels",
    "content_sha256",
    "choice",
)
_LABELS = tuple(dict.fromkeys(column for kind in KINDS for column in kind.columns))
_TARGET = ("release_id", "frame_id", "sha256", "split", *_LABELS)


def released_versions_are_of_no_model(
    release_labels: pa.Table, label_versions: pa.Table
) -> Verdict:
    """Every version of labels that a release takes is there, and its author is no model."""
    columns = ("version_id", "author_kind")
    ids, kinds = (label_versions[name].to_pylist() for name in columns)
    kind_of = dict(zip(ids, kinds, strict=True))
    rows = release_labels.to_pylist()
    authors = [kind_of.get(row["version_id"], "nobody") for row in rows]
    return judge_share(
        "released_versions_are_of_no_model",
        num_checked=len(rows),
        offenders=[
            f"frame {row['frame_id']}: version {row['version_id']} is of {kind}"
            for row, kind in zip(rows, authors, strict=True)
            if kind in ("model", "nobody")
        ],
        of="versions of labels",
        fault="are a model's, or are not there",
    )


RELEASE_RULES = (
    Rule(release_matches_its_hash, {"releases": _RELEASE, "release_frames": _TARGET}),
)
RELEASE_FRAME_RULES = (
    Rule(
        release_targets_are_whole,
        {
            "release_frames": ("release_id", "frame_id", *_LABELS),
            "releases": ("release_id", "task", "class_names"),
        },
        by_batch="release_frames",
    ),
    Rule(
        every_release_split_has_frames,
        {
            "release_frames": ("release_id", "split"),
            "releases": ("release_id", "task"),
        },
    ),
    Rule(
        every_class_is_in_train,
        {
            "release_frames": (
                "release_id",
                "split",
                "class_id",
                "box_class_ids",
                "mask_class_ids",
            ),
            "releases": ("release_id", "task", "class_names"),
        },
    ),
)


RELEASE_LABEL_RULES = (
    Rule(
        released_versions_are_of_no_model,
        {
            "release_labels": ("release_id", "frame_id", "version_id"),
            "label_versions": ("version_id", "author_kind"),
        },
    ),
)


def _frames_of(release_frames: pa.Table, release_id: str) -> pa.Table:
    return release_frames.filter(pc.equal(release_frames["release_id"], release_id))


def _find_hash_fault(release: ReleaseRow, frames: pa.Table) -> str | None:
    content = hash_content(
        release["task"], release["class_names"], frames, release["choice"]
    )
    if content != release["content_sha256"]:
        return f"its {len(frames)} rows hash to {content[:12]}..., its row says {release['content_sha256'][:12]}..."
    if release["release_id"] != content[:32]:
        return "its id does not come from its hash"
    num_labels = len(tabulate_classes(frames))
    if (len(frames), num_labels) != (release["num_frames"], release["num_labels"]):
        counted = f"{release['num_frames']} frames and {release['num_labels']} labels"
        return f"{len(frames)} frames and {num_labels} labels, its row says {counted}"
    return None


def _find_target_fault(row: ReleaseFrameRow, task: str, num_classes: int) -> str | None:
    class_ids = list_class_ids(row)
    if any(not 0 <= c < num_classes for c in class_ids):
        return f"class ids {class_ids} of {num_classes} classes"
    return find_kind(task).find_target_fault(row)
