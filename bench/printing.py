"""What benchmarks share on the command line: `--json`, and figures printed as text or as one JSON object."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping


def make_parser(about: str | None) -> argparse.ArgumentParser:
    """Options of a benchmark, described by the first line of its module; `--json` is one."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def print_figures(figures: Mapping[str, object], as_json: bool) -> None:
    """One figure a line, or one JSON object."""
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28} {value}")
