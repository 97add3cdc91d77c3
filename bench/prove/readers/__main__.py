"""`python -m bench.prove.readers [--json] [--only PACKAGE]`: rows of Daguerre's readers beside those of others.

Each package is installed into an environment of its own. Real data are read where they are there
(`DAGUERRE_TEST_DATA`). Ends with 1 where a row differs and nothing says that this is meant.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.prove.readers.cases import PACKAGES, Case, list_cases, run_module
from bench.prove.readers.compare import Comparison, compare
from bench.prove.readers.rows import read_rows

_SHOWN = 3


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.prove.readers")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--only", choices=PACKAGES, metavar="PACKAGE")
    options = parser.parse_args()
    packages = [options.only] if options.only else list(PACKAGES)
    told = []
    with tempfile.TemporaryDirectory() as place:
        for case in list_cases(Path(place), packages):
            if not case.root.is_dir():
                say(f"{_title(case)}: skipped, {case.root} is not there")
                continue
            found = compare_case(case, Path(place) / "rows")
            told.append(_describe(case, found))
            say(_print_line(case, found))
    if options.json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    sys.exit(any(case["unexplained"] for case in told))


def compare_case(case: Case, output: Path) -> Comparison:
    """Both readers over one input."""
    theirs = str(case.their_root or case.root)
    run_module(case.package, f"by_{case.package}", case.format, theirs, str(output))
    return compare(case.read(case.root), read_rows(output), case.allowances)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _title(case: Case) -> str:
    return f"{PACKAGES[case.package][0]}, {case.format}, {case.input}"


def _describe(case: Case, found: Comparison) -> dict[str, Any]:
    reasons = {allowance.name: allowance.reason for allowance in case.allowances}
    return {
        "package": PACKAGES[case.package][0],
        "format": case.format,
        "input": case.input,
        "equal": found.equal,
        "meant": [
            {"name": name, "count": count, "reason": reasons[name]}
            for name, count in found.allowed.items()
        ],
        "differing": found.differing,
        "only_here": found.only_ours,
        "only_there": found.only_theirs,
        "unexplained": len(found.unexplained),
        "first": [
            {"here": str(d.ours), "there": str(d.theirs)}
            for d in found.unexplained[:_SHOWN]
        ],
    }


def _print_line(case: Case, found: Comparison) -> str:
    lines = [
        f"{_title(case)}: {found.equal} equal, {found.differing} differ, "
        f"{found.only_ours} only here, {found.only_theirs} only there"
    ]
    for allowance in case.allowances:
        if count := found.allowed[allowance.name]:
            lines.append(f"  {count} meant: {allowance.name} ({allowance.reason})")
    for difference in found.unexplained[:_SHOWN]:
        lines += [f"  here  {difference.ours}", f"  there {difference.theirs}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
