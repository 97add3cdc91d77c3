"""Kinds of causes, and the rules that tell them apart by exceptions, checks and how a run ended.

Belongs here: rules on values. Does not: reading them. The first rule that fits names the kind; the raw trace decides
nothing but where code of ours broke.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from assets.retrieval.run_failures import ErrorLink, StepError


class Kind(StrEnum):
    """What was the matter."""

    BAD_FILE = "bad file"
    FAILED_GATE = "failed gate"
    NO_CALIBRATION = "missing calibration"
    DISK_FULL = "out of disk"
    NO_MEMORY = "out of memory"
    NO_RAY = "Ray absent"
    KILLED = "killed"
    DIVERGED = "training diverged"
    REFUSED = "refused by a step"
    CODE_ERROR = "code error"
    UNKNOWN = "unknown"


_INTERRUPTS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt", "SystemExit"}
_GATES = {"DagsterAssetCheckFailedError"}
# ours raise these for what a user can mend, and say in them what helps
_REFUSALS = {
    "ValueError",
    "Refusal",
    "FileNotFoundError",
    "NotADirectoryError",
    "PermissionError",
}
_OF_RAY = {"RayError", "RaySystemError", "RayTaskError", "RayActorError"} | {
    "NodeDiedError",
    "WorkerCrashedError",
    "GetTimeoutError",
}
_MEMORY = {"MemoryError", "OutOfMemoryError", "DoesNotFitError"}
_FULL = re.compile(r"\[Errno 28\]|No space left on device|are free there", re.I)
_RAY = re.compile(
    r"DAGUERRE_RAY=|no Ray answers|no room for \w+ workers|Ray's machines", re.I
)
_CALIBRATION = re.compile(
    r"\b(no|lacks?|without|needs?)( a| any| published| stored)* calibration|not calibrated|`daguerre calibrate\b",
    re.I,
)
_UNREADABLE = re.compile(
    r"is cut off|could not be read|cannot be decoded|is no (picture|image)", re.I
)
_DIVERGED = re.compile(r"\b(loss|weight|gradient)s?\b.* not finite|diverged", re.I)
# claims that fail of files and not of rows
_OF_CHECK = {
    "images_are_readable": Kind.BAD_FILE,
    "no_record_was_refused": Kind.BAD_FILE,
    "label_files_agree": Kind.BAD_FILE,
    "frames_decode_to_their_size": Kind.BAD_FILE,
    "frames_match_their_hashes": Kind.BAD_FILE,
    "frames_have_calibration": Kind.NO_CALIBRATION,
    "every_camera_is_calibrated": Kind.NO_CALIBRATION,
}


def name_check(check: str) -> Kind:
    """The kind of a claim that does not hold."""
    return _OF_CHECK.get(check, Kind.FAILED_GATE)


def name_error(error: StepError) -> Kind:
    """The kind of what failed a step: the first of the chain that is more than a refusal, else what was raised."""
    if not error.links:
        return Kind.UNKNOWN
    kinds = [_name_link(link) for link in error.links]
    known = (kind for kind in kinds if kind not in (None, Kind.REFUSED))
    return next(known, kinds[0]) or Kind.CODE_ERROR


def name_run(
    errors: Sequence[StepError], blocking: Sequence[str], is_canceled: bool
) -> Kind:
    """The kind of a run: of what failed first; `blocking` are the claims that stopped it."""
    kinds = [name_error(error) for error in errors]
    if is_canceled or Kind.KILLED in kinds[:1]:
        return Kind.KILLED
    if kinds and kinds[0] is not Kind.FAILED_GATE:
        return kinds[0]
    return name_check(blocking[0]) if blocking else kinds[0] if kinds else Kind.UNKNOWN


def _name_link(link: ErrorLink) -> Kind | None:
    name = link.cls.rpartition(".")[2]
    by_name = (
        (Kind.KILLED, _INTERRUPTS),
        (Kind.FAILED_GATE, _GATES),
        (Kind.NO_MEMORY, _MEMORY),
        (Kind.DIVERGED, {"NotFiniteError"}),
    )
    for kind, names in by_name:
        if name in names:
            return kind
    if _FULL.search(link.says):
        return Kind.DISK_FULL
    if name in _OF_RAY or _RAY.search(link.says):
        return Kind.NO_RAY
    if _DIVERGED.search(link.says):
        return Kind.DIVERGED
    if name not in _REFUSALS:
        return None
    if _CALIBRATION.search(link.says):
        return Kind.NO_CALIBRATION
    return Kind.BAD_FILE if _UNREADABLE.search(link.says) else Kind.REFUSED
