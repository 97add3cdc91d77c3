"""Pictures in which a board is looked for: which of a session or folder, and which of them are of one time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from assets.clocks.offsets import find_nearest
from assets.formats.layout import order_naturally, sensor_of
from assets.images import decode_luma
from assets.sandbox.guard import ImageGuard, Refusal
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog, is_in, session_is
from assets.video_frames import unpack
from models.geometry.boards import Board, Sighting

Gray = NDArray[np.uint8]
OnProgress = Callable[[int, int], None]

MOST_VIEWS = 150  # spread evenly: more say little more
_AT_ONCE = 16
_COLUMNS = [
    "frame_id",
    "capture_id",
    "sensor",
    "t_ns",
    "width_px",
    "height_px",
    "sha256",
    "source_path",
]


@dataclass(frozen=True)
class BoardPicture:
    """One picture. `name` is its frame id, or its path below a folder; pictures of one time share `view`."""

    name: str
    capture: str
    sensor: str
    t_ns: int | None
    path: str
    size_px: tuple[int, int]
    sha256: str
    view: int = -1


@dataclass(frozen=True)
class Seen:
    """A picture, and the board in it; None where it was not found."""

    picture: BoardPicture
    sighting: Sighting | None


@dataclass(frozen=True)
class Refused:
    """A file of a folder that is no picture."""

    path: str
    reason: str


def require_session(catalog: Catalog, session: str) -> None:
    """Raises ValueError where no frame of such a session was ever taken in, with the names that come near."""
    from difflib import get_close_matches

    if len(catalog.read_latest("frames", ["frame_id"], session_is(session))):
        return
    known = catalog.read_latest("captures", ["session"])["session"].unique().to_pylist()
    near = get_close_matches(session, known, 3, 0.6)
    meant = f", perhaps {' or '.join(near)} was meant" if near else ""
    raise ValueError(
        f"there is no session '{session}'{meant}: `daguerre status` lists those there are"
    )


def list_pictures(
    catalog: Catalog, session: str, most_views: int | None = MOST_VIEWS
) -> list[BoardPicture]:
    """The session's published colour pictures, with their views, in the order of views and sensors; None for all views.

    Of a camera whose pictures differ in size, those of its most common size.
    """
    where = f"{session_is(session)} AND kind = 'color'"
    rows = catalog.read("frames", _COLUMNS, where).to_pylist()
    return choose_views(
        [
            BoardPicture(
                r["frame_id"],
                r["capture_id"],
                r["sensor"],
                r["t_ns"],
                r["source_path"],
                (r["width_px"], r["height_px"]),
                r["sha256"],
            )
            for r in rows
        ],
        most_views,
    )


def choose_views(
    pictures: Sequence[BoardPicture], most_views: int | None = MOST_VIEWS
) -> list[BoardPicture]:
    """The pictures with the number of their view, of so many views spread evenly.

    Stamped pictures of a capture are of one view where their times are nearest, within a quarter of the step of the
    first camera; others where their paths are equal but for the name of the camera.
    """
    kept = _keep_common_size(pictures)
    keys: list[tuple[str, int, str]] = []
    for _, group in groupby(
        sorted(kept, key=lambda p: p.capture), key=lambda p: p.capture
    ):
        keys += _name_views(list(group))
    ordered = sorted(kept, key=lambda p: p.capture)
    names = sorted(set(keys))
    if most_views is not None and len(names) > most_views:
        names = [
            names[i]
            for i in np.linspace(0, len(names) - 1, most_views).round().astype(int)
        ]
    numbers = {name: n for n, name in enumerate(names)}
    found = [
        replace(p, view=numbers[key])
        for p, key in zip(ordered, keys, strict=True)
        if key in numbers
    ]
    return sorted(found, key=lambda p: (p.view, p.sensor, p.name))


def find_boards(
    catalog: Catalog,
    board: Board,
    pictures: Sequence[BoardPicture],
    on_progress: OnProgress | None = None,
) -> list[Seen]:
    """The board in each stored picture, in their order."""
    found = []
    for start in range(0, len(pictures), _AT_ONCE):
        some = pictures[start : start + _AT_ONCE]
        where = is_in("frame_id", [p.name for p in some])
        rows = catalog.read("frames", ["frame_id", "payload"], where).to_pylist()
        images = unpack(catalog, [r["payload"] for r in rows])
        payloads = {r["frame_id"]: image for r, image in zip(rows, images, strict=True)}
        found += [Seen(p, board.find(decode_luma(payloads[p.name]))) for p in some]
        if on_progress:
            on_progress(len(found), len(pictures))
    return found


def find_boards_of_folder(
    folder: Folder,
    files: Sequence[SessionFile],
    board: Board,
    on_progress: OnProgress | None = None,
) -> tuple[list[Seen], list[Refused]]:
    """The board in each picture of a folder that nobody takes in; what the guard refuses is named."""
    seen: list[Seen] = []
    refused: list[Refused] = []
    ordered = order_naturally(files)
    with ImageGuard() as guard:
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            payloads = [folder.read_if_readable(file) for file in some]
            verdicts = guard.collect(guard.submit(payloads))
            for file, payload, verdict in zip(some, payloads, verdicts, strict=True):
                if isinstance(verdict, Refusal):
                    refused.append(Refused(file.path, verdict.reason))
                else:
                    seen.append(_look(board, file.path, decode_luma(payload)))
            if on_progress:
                on_progress(start + len(some), len(ordered))
    placed = {p.name: p for p in choose_views([s.picture for s in seen])}
    return [
        Seen(placed[s.picture.name], s.sighting)
        for s in seen
        if s.picture.name in placed
    ], refused


def _look(board: Board, path: str, luma: Gray) -> Seen:
    size_px = luma.shape[1], luma.shape[0]
    picture = BoardPicture(path, "", sensor_of(path), None, path, size_px, "")
    return Seen(picture, board.find(luma))


def _keep_common_size(pictures: Sequence[BoardPicture]) -> list[BoardPicture]:
    sizes: dict[str, Counter[tuple[int, int]]] = {}
    for p in pictures:
        sizes.setdefault(p.sensor, Counter())[p.size_px] += 1
    common = {
        sensor: max(found, key=lambda s: (found[s], s))
        for sensor, found in sizes.items()
    }
    return [p for p in pictures if p.size_px == common[p.sensor]]


def _name_views(pictures: Sequence[BoardPicture]) -> Iterator[tuple[str, int, str]]:
    """For each picture of a capture the name of its view: what sorts in the order of time."""
    reference = _read_reference(pictures)
    step_ns = int(np.median(np.diff(reference))) if len(reference) > 1 else 0
    for p in pictures:
        if p.t_ns is None:
            yield p.capture, 0, _without_camera(p)
            continue
        found = find_nearest(reference, np.array([p.t_ns]), step_ns // 4)
        at_ns = int(reference[found.indices[0]]) if found.is_known.any() else p.t_ns
        yield p.capture, at_ns, ""


def _read_reference(pictures: Sequence[BoardPicture]) -> NDArray[np.int64]:
    """Times of the first camera, by name, that has any."""
    first = min((p.sensor for p in pictures if p.t_ns is not None), default="")
    times = [p.t_ns for p in pictures if p.sensor == first and p.t_ns is not None]
    return np.unique(np.array(times, np.int64))


def _without_camera(picture: BoardPicture) -> str:
    """The path without the name of its camera: "left01.jpg" and "right/01.jpg" are of one view."""
    path = picture.path.lower()
    parts = [part.replace(picture.sensor.lower(), "") for part in path.split("/")]
    return "/".join(part.strip("_- ") for part in parts if part.strip("_- "))
