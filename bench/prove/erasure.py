"""Erase a session of a copy of any home, and look for what nothing but it had: 0 canaries are left.

Ids, hashes, file names and the bytes of its pictures are sought before and after, in every file of the copy: plain,
unpacked, and by the readers of tables and databases (`bench.prove.canaries`). The home itself is only read; places
that it names are not: a session that lies outside of the landing zone stays there.

Run: `python -m bench.prove.erasure --home .daguerre --session desk-monday --json`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assets.capture.forgetting import Target
from assets.erasure.erase import begin, go_on
from assets.erasure.plan import Home, make_plan
from assets.erasure.subject import Subject, find_subject
from bench.printing import make_parser, print_figures
from bench.prove.canaries import find_canaries, name_needles
from orchestration.cli.erasing import build_home
from orchestration.profiles import load_settings

_END_BYTES = 64  # of a picture's file, by which it is sought


def main() -> None:
    """Print what was found before and after, by store; exit 1 where something is left."""
    parser = make_parser(__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--session", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        copy = shutil.copytree(options.home, Path(folder) / "home", symlinks=True)
        figures, left = prove(copy, options.session)
    print_figures(figures, options.json)
    for line in left:
        print(line, file=sys.stderr)
    sys.exit(1 if left else 0)


def prove(folder: Path, session: str) -> tuple[dict[str, Any], list[str]]:
    """Figures, and what is left."""
    home = build_home(load_settings({**os.environ, "DAGUERRE_HOME": str(folder)}))
    target = Target(session, "")
    subject = find_subject(
        home.catalog, home.ledger, [target], "e" * 32, "a proof", "bench", "now"
    )
    needles = list_needles(home, subject)
    before = find_canaries(folder, needles, {})
    begin(home, subject, make_plan(home, subject))
    go_on(home, subject.erasure_id)
    left = find_canaries(folder, needles, {})
    figures = {
        "frames": len(subject.frames),
        "needles": len(needles),
        "found_before": _count_by_store(before),
        "left": len(left),
    }
    return figures, left


def list_needles(home: Home, subject: Subject) -> dict[str, bytes]:
    """Ids, hashes, names of files and ends of pictures that no frame which stays has."""
    names = [n for n in subject.list_names(home.catalog) if "/" in n]
    found = name_needles([*subject.list_ids(), *names])
    ids = set(subject.frame_ids.to_pylist())
    stored = home.catalog.open_stored("frames")
    kept: set[bytes] = set()
    ends: dict[str, bytes] = {}
    for batch in stored.scanner(
        columns=["frame_id", "payload", "encoding"]
    ).to_batches():
        for row in batch.to_pylist():
            end = row["payload"][-_END_BYTES:]
            if row["frame_id"] not in ids:
                kept.add(end)
            elif row["encoding"] != "video":
                ends[f"bytes of {row['frame_id']}"] = end
    return found | {name: end for name, end in ends.items() if end not in kept}


def _count_by_store(lines: Iterable[str]) -> dict[str, int]:
    return dict(Counter(line.split(":")[0].split("/")[0] for line in lines))


if __name__ == "__main__":
    main()
