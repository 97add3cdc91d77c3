"""The audit of the locked packages: what fails it, what passes, and that having looked nothing up is no pass."""

from __future__ import annotations

import importlib.util
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("packages", CHECKOUT / ".ci/packages.py")
assert _SPEC and _SPEC.loader
packages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(packages)

SOUND = {"name": "good", "version": "1.0", "vulns": []}
KNOWN = {
    "name": "bad",
    "version": "2.0",
    "vulns": [{"id": "CVE-0000-1", "fix_versions": ["2.1"], "aliases": []}],
}
UNSEEN = {"name": "odd", "skip_reason": "not found"}


def test_an_advisory_fails_the_audit_and_says_what_mends_it():
    code, told = packages.judge([SOUND, KNOWN, UNSEEN])
    assert code == 1
    assert told.splitlines() == [
        "2 of 3 locked packages looked up",
        "not looked up: odd: not found",
        "bad 2.0: CVE-0000-1, mended in 2.1",
        "raise their lower bounds in pyproject.toml, then `make lock`",
    ]


def test_packages_that_no_advisory_names_pass():
    code, told = packages.judge([SOUND])
    assert (code, told.splitlines()[-1]) == (0, "no advisory names one of them")


def test_an_audit_that_looked_nothing_up_is_skipped_with_its_reason():
    code, told = packages.judge([UNSEEN, UNSEEN])
    assert code == 0
    assert told == "audit skipped: no advisories are reachable here (not found)"


def test_without_the_tool_both_say_so_and_end_well(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(packages, "CHECKOUT", tmp_path)
    monkeypatch.setattr(packages, "SBOM", tmp_path / "build" / "sbom.cdx.json")
    nowhere = str(tmp_path / "uv")
    assert packages.audit(nowhere) == packages.write_sbom(nowhere) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"audit skipped: {nowhere} does not start: No such file or directory",
        f"bill of materials skipped: {nowhere} does not start: No such file or directory",
    ]
