"""Look the locked packages up in published advisories, and write their bill of materials (CycloneDX).

Run as `python .ci/packages.py audit UV` and `python .ci/packages.py sbom UV`, by `make audit` and `make sbom`; UV is
the program. The tools run in environments of their own. Where no network allows it, both say so and end well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "requirements.lock"
SBOM = CHECKOUT / "build" / "sbom.cdx.json"
AUDITOR = "pip-audit==2.10.0"
WRITER = "cyclonedx-bom==7.5.0"
_PATIENCE_S = 50


def audit(uv: str) -> int:
    """Exit code 1 where an advisory names a locked package."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "audit.json"
        options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off"]
        command = [uv, "tool", "run", AUDITOR, "-r", str(LOCK), *options]
        trouble = _run([*command, "-f", "json", "-o", str(report)])
        if not report.exists() or not report.read_text():
            print(f"audit skipped: {trouble}")
            return 0
        code, told = judge(json.loads(report.read_text())["dependencies"])
    print(told)
    return code


def judge(packages: list[dict[str, Any]]) -> tuple[int, str]:
    """Exit code and text for what the auditor says of each package.

    It ends well where it found none of them: to have looked nothing up is no pass.
    """
    missed = [p for p in packages if "skip_reason" in p]
    seen = len(packages) - len(missed)
    if not seen:
        reason = missed[0]["skip_reason"] if missed else "there are none"
        return 0, f"audit skipped: no advisories are reachable here ({reason})"
    found = [
        f"{p['name']} {p['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version'}"
        for p in packages
        for v in p.get("vulns", ())
    ]
    lines = [f"{seen} of {len(packages)} locked packages looked up"]
    lines += [f"not looked up: {p['name']}: {p['skip_reason']}" for p in missed]
    lines += found or ["no advisory names one of them"]
    if found:
        lines.append("raise their lower bounds in pyproject.toml, then `make lock`")
    return int(bool(found)), "\n".join(lines)


def write_sbom(uv: str) -> int:
    """Name, version, hashes and package URL of each locked package."""
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.unlink(missing_ok=True)
    options = ["--no-validate", "--output-reproducible", "--of", "JSON"]  # 12 s
    project = ["--pyproject", str(CHECKOUT / "pyproject.toml")]
    command = [uv, "tool", "run", "--from", WRITER, "cyclonedx-py", "requirements"]
    trouble = _run([*command, *options, *project, "-o", str(SBOM), str(LOCK)])
    if not SBOM.exists() or not SBOM.stat().st_size:
        print(f"bill of materials skipped: {trouble}")
        return 0
    count = len(json.loads(SBOM.read_text())["components"])
    print(f"{SBOM.relative_to(CHECKOUT)}: {count} packages")
    return 0


def _run(command: list[str]) -> str:
    """Why it came to nothing, should it have: its last words."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {_PATIENCE_S} s"
    except OSError as error:
        return f"{command[0]} does not start: {error.strerror}"
    words = done.stderr.strip().splitlines()
    return words[-1].strip() if words else f"exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit({"audit": audit, "sbom": write_sbom}[sys.argv[1]](sys.argv[2]))
