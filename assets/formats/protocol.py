"""What a reader is, what it plans and may ask of a home, and the bounded ways in which it touches foreign bytes.

A reader never raises for bad data: it yields a `Problem` and goes on with the neighbours. Storage that fails
(`OSError` other than "not there" and "not allowed") is not bad data and does propagate, so that intake tries again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Protocol

from assets.formats.observations import (
    LabelObservation,
    Observation,
    Problem,
    Source,
)
from assets.privacy.positions import Position
from assets.sandbox.video_choice import ALL_FRAMES, VideoChoice
from assets.storage import NotAsListed, SessionFile

Opener = Callable[[SessionFile], BinaryIO]  # gives a seekable stream at its beginning

MAX_FILE_BYTES = 256 << 20  # one image, label or index file that is read whole
# of one file, sensor and remedy; the rest is counted in one more problem
MAX_SAME_PROBLEMS = 100
MAX_LABELS = 20_000  # of one frame
HEAD_BYTES = 512
# of what it says of one file; other failures of a store say nothing about the data
_NOT_HAD = (FileNotFoundError, PermissionError, IsADirectoryError)
LABELS_NOT_READ = "labels not read"  # begins the notes that a check tells people: what it names teaches nothing
NOT_READ = (
    "not read"  # is in the names of notes on what a capture holds and nobody reads
)
NO_DATA = "no data"  # and in those on what is for people alone
# whose captures are recordings, each taken in one go
RECORDING_READERS = frozenset({"mcap", "rosbag1", "rosbag2"})
# whose captures go to one split as a whole
UNDIVIDED_READERS = RECORDING_READERS | {"nuscenes"}
# of all versions of its pointers, and those of its first name
_LFS_POINTERS = (b"version https://git-lfs", b"version https://hawser")
_ANNEX_POINTER = b"/annex/objects/"


@dataclass(frozen=True)
class CapturePlan:
    """One capture that a reader will read: which files make it up."""

    reader: str
    root: str  # path, relative to the session, of the file or of the folder ("" for the session itself)
    files: tuple[SessionFile, ...]
    is_container: bool  # True: one file is the capture (MCAP, archive); False: a folder of loose files
    notes: dict[str, str] = field(default_factory=dict)
    # sensors of which the session's owner says that their stamps are no times
    no_clock: tuple[str, ...] = ()
    # the frames of videos that the session's owner wants
    video: VideoChoice = ALL_FRAMES
    # the session's owner says that somebody looked at all pictures of its label files
    is_looked_at: bool = False
    # its frames, and the file of a container, are sealed; covered pictures stand in the place of frames
    is_sealed: bool = False
    # what the privacy policy of the session lets its signals tell, and whether its scans stay out of the tables
    position: Position = "keep"
    are_scans_held: bool = False
    # of the bytes of a container that the blob store holds: frames may point into it
    sha256: str | None = None
    # files of another plan by which this one is read as well, and what they say, shortened: otherwise it is read anew
    beside: tuple[SessionFile, ...] = ()
    read_by: str = ""
    # what the members of an archive find in the home that takes it in
    home: Home | None = None


class Reader(Protocol):
    """One family of formats.

    A reader whose format can carry more than images and labels has `carries: frozenset[str]` too: what a capture of it
    is expected to have, of "calibration", "clock" and "depth". One whose files tell at little cost what of them is not
    read has `foresee(plan, opener)` too: notes, for a dry run. One that reads labels has `classes_from: str` where its
    notes do not say which part of its files names the classes.
    """

    name: str

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        """The captures among files that nobody has claimed yet. No file may appear in two plans."""

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        """Everything in one capture. What is left out by design is counted in `plan.notes`."""


def carries(reader: Reader, what: str) -> bool:
    """Whether captures of a reader's format are expected to have a "calibration", "clock" or "depth", or "video"."""
    return what in getattr(reader, "carries", ())


@dataclass(frozen=True)
class Leftover:
    """A file that no reader claims. Documents (README, LICENSE, hidden files) hold no data, and nothing is wrong."""

    file: SessionFile
    reason: str
    remedy: str
    is_document: bool
    reader: str = "none"
    is_kept: bool = True  # a document, among the blobs


@dataclass(frozen=True)
class Shares:
    """Members as they are shared out among readers; plans may have pictures that are lent to them beside."""

    plans: Sequence[CapturePlan]
    leftovers: Sequence[Leftover]
    opener: Opener  # of members, and of what is lent


class Home(Protocol):
    """A home, as it is seen from inside an archive that it takes in; a reading without one has no such place."""

    def share_out(
        self, members: Sequence[SessionFile], opener: Opener, readers: Sequence[Reader]
    ) -> Shares:
        """Plans of the members, with the stored frames that their labels are of."""

    def tell(self, plan: CapturePlan) -> str:
        """Of how many stored frames the labels of such a plan will be; "" where of none."""

    def keep(self, stream: BinaryIO) -> str:
        """Store the bytes of a member, and give their sha256."""

    def open(self, sha256: str) -> BinaryIO:
        """What was kept."""


class UnreadableBytes(ValueError):
    """Bytes that cannot be had: too many, vanished, refused, or damaged inside their archive."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason
        self.remedy = remedy


def open_checked(file: SessionFile, opener: Opener) -> BinaryIO:
    """Open through `opener`; a file that is gone or not permitted raises UnreadableBytes."""
    with _explaining():
        return opener(file)


@contextmanager
def _explaining() -> Iterator[None]:
    """Say of bytes that cannot be had why. An object store tells it when they are read, not when they are opened."""
    try:
        yield
    except _NOT_HAD as error:
        raise _explain(error) from error


def _explain(error: OSError) -> UnreadableBytes:
    if isinstance(error, NotAsListed):
        return UnreadableBytes(error.reason, error.remedy)
    if isinstance(error, FileNotFoundError):
        return UnreadableBytes(
            "vanished after it was listed", "put it back and ingest again"
        )
    if isinstance(error, PermissionError):
        return UnreadableBytes(
            "may not be read by this user",
            "grant read permission, then `daguerre quarantine retry` its session",
        )
    return UnreadableBytes("is a directory now", "ingest again")


def read_bytes(
    file: SessionFile, opener: Opener, limit_bytes: int = MAX_FILE_BYTES
) -> bytes:
    """All bytes of a file. Raises UnreadableBytes when there are more than the limit, or not as many as listed."""
    size = file.size_bytes
    if size > limit_bytes:
        raise UnreadableBytes(
            f"{size} bytes, more than the {limit_bytes} read at once",
            "split the file",
        )
    try:
        with opener(file) as stream:
            # past the buffer, in one call to the system; what the system gives in pieces is read on
            data: bytes = getattr(stream, "raw", stream).read(size + 1)
            if len(data) < size:
                data += stream.read(size + 1 - len(data))
    except _NOT_HAD as error:
        raise _explain(error) from error
    if len(data) != size:
        raise UnreadableBytes(
            f"listed with {size} bytes, read with {len(data)}",
            "ingest again when the copy is finished",
        )
    return data


def read_head(file: SessionFile, opener: Opener) -> bytes:
    """The first bytes of a file, for a look at its magic. Raises UnreadableBytes."""
    with _explaining(), open_checked(file, opener) as stream:
        return stream.read(HEAD_BYTES)


def read_ends(file: SessionFile, opener: Opener, num_bytes: int) -> bytes:
    """The first and the last bytes of a file, so many of each. Raises UnreadableBytes."""
    with _explaining(), open_checked(file, opener) as stream:
        head = stream.read(num_bytes)
        if file.size_bytes <= num_bytes:
            return head
        stream.seek(max(num_bytes, file.size_bytes - num_bytes))
        return head + stream.read(num_bytes)


def explain_pointer(head: bytes) -> tuple[str, str] | None:
    """(reason, remedy) when the bytes are a stand-in for data and not the data."""
    if head.startswith(_LFS_POINTERS):
        return (
            "git-lfs pointer, not data",
            "run `git lfs pull` where the file comes from, and copy it again",
        )
    if head.startswith(_ANNEX_POINTER):
        return (
            "git-annex pointer, not data",
            "run `git annex get` where the file comes from, and copy it again",
        )
    if not head:
        return "empty file", "copy it again from where it comes from"
    return None


def limit_problems(observations: Iterable[Observation]) -> Iterator[Observation]:
    """Pass everything on, but no more than MAX_SAME_PROBLEMS alike; the others become one problem that counts them."""
    seen: Counter[tuple[str, str | None, str]] = Counter()
    last: dict[tuple[str, str | None, str], Problem] = {}
    for observation in observations:
        if isinstance(observation, Problem):
            key = (observation.source.path, observation.sensor, observation.remedy)
            seen[key] += 1
            if seen[key] > MAX_SAME_PROBLEMS:
                last[key] = observation
                continue
        yield observation
    for key, problem in last.items():
        more = seen[key] - MAX_SAME_PROBLEMS
        yield replace(
            problem,
            reason=f"{more} more like the {MAX_SAME_PROBLEMS} before, the last: {problem.reason}",
        )


def limit_labels(observations: Iterable[Observation]) -> Iterator[Observation]:
    """Pass everything on, but no more than MAX_LABELS of one frame: whoever writes more of them means no picture."""
    seen: Counter[object] = Counter()
    for observation in observations:
        if isinstance(observation, LabelObservation):
            frame = observation.frame_path or (observation.sensor, observation.t_ns)
            seen[frame] += 1
            if seen[frame] > MAX_LABELS:
                reason = (
                    f"more than {MAX_LABELS} labels of one frame: the {seen[frame]}th"
                )
                yield Problem(
                    observation.source,
                    "labels",
                    reason,
                    "export the labels again",
                    observation.sensor,
                )
                continue
        yield observation


def whole_file(file: SessionFile) -> Source:
    """The source of what a whole file says. Members of archives are placed in the outermost file by their reader."""
    return Source(file.path, 0, file.size_bytes)
