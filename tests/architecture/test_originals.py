"""Sealed originals are opened in one folder, for the step that covers frames and for the verb that asks who and why."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("assets", "checks", "daguerre", "models", "orchestration")
TABLE = "sealed_frames"
# who names the table: the folder that opens it; intake, which fills it and knows a frame by its hash; what goes with a
# frame; the schema; the gate, which reads ids and counts
NAMES_IT = {
    "assets/capture/known_frames.py",
    "assets/capture/obsolete.py",
    "assets/capture/rows.py",
    "assets/erasure/subject.py",  # which frames came as what is to go
    "assets/privacy/covered.py",
    "assets/privacy/needed.py",  # by which key it opens
    "assets/privacy/sealing.py",  # whether there is any, and no key
    "assets/privacy/session.py",
    "assets/privacy/told.py",
    "assets/privacy/unsealing.py",
    "assets/retrieval/verify.py",  # whether what was erased is back
    "assets/tables/schemas/capture.py",
    "checks/anonymised.py",
    "checks/capture.py",
}
OPENS_IT = {"assets/privacy/covered.py", "assets/privacy/unsealing.py"}
# intake reads what it has just sealed: a recording is read from the store, never from its source
OPENS_RECORDINGS = OPENS_IT | {"assets/capture/intake.py"}
OPENS_PIECES = {"assets/privacy/recordings.py"}
ASKS_FOR_IT = {
    "orchestration/browse/governing.py",  # of a privacy officer, through the server
    "orchestration/cli/unsealing.py",
}


@cache
def walk() -> dict[str, ast.Module]:
    """Path -> what is parsed of it, of files that can have to do with stored frames."""
    found = {}
    for room in ROOMS:
        for file in sorted((CHECKOUT / room).rglob("*.py")):
            text = file.read_text()
            if "frames" in text or "seal" in text:
                found[file.relative_to(CHECKOUT).as_posix()] = ast.parse(text)
    return found


def list_imports(tree: ast.Module) -> set[str]:
    """The names that a file imports, as module.name."""
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_table_of_sealed_frames_is_named_where_it_has_to_be():
    naming = {
        path
        for path, tree in walk().items()
        if any(
            isinstance(node, ast.Constant) and node.value == TABLE
            for node in ast.walk(tree)
        )
    }
    assert naming == NAMES_IT


def test_sealed_bytes_are_opened_by_two_modules_and_a_person_asks_by_a_verb_or_a_role():
    imports = {path: list_imports(tree) for path, tree in walk().items()}
    opening = {
        p for p, found in imports.items() if "assets.privacy.sealing.unseal" in found
    }
    assert opening == OPENS_IT
    asking = {
        path
        for path, found in imports.items()
        if "assets.privacy.unsealing.open_original" in found
    }
    assert asking == ASKS_FOR_IT


def test_sealed_recordings_are_opened_by_the_same_and_by_intake():
    imports = {path: list_imports(tree) for path, tree in walk().items()}
    for name, opening in (
        ("assets.privacy.recordings.OpenedRecordings", OPENS_RECORDINGS),
        ("assets.privacy.pieces.open_pieces", OPENS_PIECES),
    ):
        assert {path for path, found in imports.items() if name in found} == opening


def test_pictures_of_frames_are_written_by_intake_and_by_what_covers_them():
    """Nobody else puts bytes into `frames`: who names the table in a call that writes."""
    writing = set()
    for path, tree in walk().items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("merge", "upsert", "upsert_where")
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and node.args[0].value == "frames"
            ):
                writing.add(path)
    assert writing == {"assets/privacy/covered.py"}  # intake goes by `_WRITE_ORDER`
