"""What `daguerre track` does with files of the MOT Challenge, which nobody takes in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.wording import many

_SHARES = {
    "hota": "HOTA",
    "deta": "DetA",
    "assa": "AssA",
    "mota": "MOTA",
    "idf1": "IDF1",
}


@dataclass(frozen=True)
class Files:
    """A folder, what is named in place of its own files, and a file for what is made."""

    folder: Path
    detections: Path | None
    truth: Path | None
    out: Path | None


def track_files(
    files: Files, tracker: str, min_score: float | None, ignore_scores: bool
) -> dict[str, Any]:
    """Facts of the tracks, which are written where `files` says so. Raises ValueError for files that are none."""
    from assets.tracking.mot_challenge import find_detections, find_truth, write_mot
    from assets.tracking.sequences import choose_method, track_sequence
    from assets.whole_output import writing_file

    method = choose_method(tracker, min_score)
    found = files.detections or find_detections(files.folder)
    truth = files.truth
    if truth is None and files.folder.is_dir():
        truth = find_truth(files.folder)
    done = track_sequence(found, truth, method, ignore_scores)
    if files.out is not None:
        with writing_file(files.out) as file:
            file.write_text("".join(write_mot(done.tracks)))
    return {
        "detections": str(found),
        "truth": None if truth is None else str(truth),
        "tracker": tracker,
        "min_score": method.min_score,
        "frames": done.num_frames,
        "found": done.num_found,
        "tracks": done.num_tracks,
        "boxes": len(done.tracks),
        "filled": done.num_filled,
        "figures": done.figures,
        "out": None if files.out is None else str(files.out),
    }


def tell_files(facts: dict[str, Any]) -> Iterator[str]:
    """Lines for people."""
    yield (
        f"{facts['detections']}: {many(facts['tracks'], 'track')}, {many(facts['boxes'], 'box', 'boxes')} in "
        f"{many(facts['frames'], 'frame')}, {facts['filled']} of them put into gaps; {facts['tracker']}, "
        f"boxes from {facts['min_score']:.2f} on"
    )
    if facts["figures"]:
        yield _tell_figures(facts["figures"])
    if facts["out"]:
        yield f"tracks in {facts['out']}"


def _tell_figures(figures: dict[str, float]) -> str:
    shares = ", ".join(
        f"{written} {100 * figures[name]:.2f}" for name, written in _SHARES.items()
    )
    counts = ", ".join(
        f"{figures[name]} {name.replace('_', ' ')}"
        for name in ("switches", "fragments", "false_alarms", "misses")
    )
    return f"{shares}; {counts}; {figures['true_tracks']} true tracks"
