"""A row that two readers can agree on: one box, one message or one pose. Needs the standard library only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

NOTHING = "(nothing)"  # name of the row of a picture in which somebody saw no object


@dataclass(frozen=True, order=True)
class Row:
    """What one reader says of one thing."""

    place: str  # picture (path below the input), sensor or trajectory
    name: str  # class of an object, kind of a message
    t_ns: int  # 0 where the format has no time
    values: tuple[float | str, ...]  # box xyxy px; pose xyz m and quaternion xyzw; ...


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """One line of JSON a row; floats keep all their digits."""
    path.write_text("".join(f"{json.dumps(astuple(row))}\n" for row in rows))


def read_rows(path: Path) -> list[Row]:
    found = []
    for line in path.read_text().splitlines():
        place, name, t_ns, values = json.loads(line)
        found.append(Row(place, name, t_ns, tuple(values)))
    return found


def serve(formats: dict[str, Callable[[Path], Iterable[Row]]]) -> None:
    """`FORMAT INPUT OUTPUT` on the command line of a reference reader: read the one, write its rows to the other."""
    name, root, output = sys.argv[1:]
    write_rows(formats[name](Path(root)), Path(output))
