"""Only `assets/tables/commits.py` calls Lance to write: there what is committed is put on disk."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMITS = ROOT / "assets/tables/commits.py"
# writes in the cache, what can be made again
CACHE = ROOT / "assets/search/word_index.py"
# what writes, of a dataset or of `lance` itself
_WRITES = {
    *(
        "merge_insert",
        "write_dataset",
        "dataset.insert",
        "LanceDataset.commit",
        "commit_batch",
    ),
    *("alter_columns", "add_columns", "drop_columns", "restore", "truncate_table"),
    *("create_index", "create_scalar_index", "drop_index", "optimize"),
    *("compact_files", "optimize_indices", "cleanup_old_versions", "update_config"),
    *("replace_schema_metadata", "replace_field_metadata", "create_branch"),
    *("tags.create", "tags.update", "tags.delete"),
}


def _find_writes(source: str) -> list[str]:
    """Line and name of each call that makes a version or a tag of a table."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            last = name.rsplit(".", 1)[-1]
            pair = ".".join(name.split(".")[-2:])
            # ours take the name of a table first, SQLAlchemy's take nothing
            is_delete = last == "delete" and "." in name and len(node.args) == 1
            if last in _WRITES or pair in _WRITES or is_delete:
                found.append(f"{node.lineno}: {name}")
    return found


def test_tables_are_written_to_in_one_place():
    found = {
        path.relative_to(ROOT).as_posix(): writes
        for folder in ("assets", "checks", "orchestration", "models")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path not in (COMMITS, CACHE) and (writes := _find_writes(path.read_text()))
    }
    assert found == {}, "commit through assets/tables/commits.py"


def test_every_function_there_ends_on_disk():
    functions = [
        node
        for node in ast.parse(COMMITS.read_text()).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert functions
    for function in functions:
        body = ast.unparse(function)
        if function.name.startswith("drop_"):  # what stays is on disk before
            assert body.find("sync_") < body.find(_find_writes(body)[0].split(": ")[1])
            continue
        assert _find_writes(body), function.name
        assert body.rfind("sync_") > max(
            body.rfind(write.split(": ")[1] + "(") for write in _find_writes(body)
        ), f"{function.name} returns before its commit is on disk"


def test_a_new_writer_is_found():
    source = "def drop(dataset):\n    dataset.delete('x > 1')\n    dataset.tags.create('a', 1)\n"
    assert _find_writes(source) == ["2: dataset.delete", "3: dataset.tags.create"]
    assert _find_writes("def drop(catalog):\n    catalog.delete('frames', 'x')\n") == []
