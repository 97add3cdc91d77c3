"""Processes that race: on one capture, on one table, on one publication, on one release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assets.retrieval.verify import Stores, verify
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table

ROOT = Path(__file__).resolve().parents[2]
TO_MERGE = """
    import sys
    from assets.tables.catalog import Catalog
    from assets.tables.schemas import TABLES, content_id, to_table

    catalog, number = Catalog(sys.argv[1]), int(sys.argv[2])
    wait()
    inserted = 0
    for part in range(4):  # the keys overlap wholly; the values tell who came first
        rows = [{"publication_id": content_id(part, i), "table_name": "t", "session": f"worker-{number}", "version": 1,
                 "is_held": False, "reason": ""} for i in range(50)]
        inserted += catalog.merge("publications", to_table(TABLES["publications"], rows)).inserted
    print(inserted)
"""
TO_PUBLISH = """
    import sys
    from assets.tables.catalog import Catalog

    catalog, number = Catalog(sys.argv[1]), int(sys.argv[2])
    wait()
    for version in range(1 + number, 31, 3):  # 1, 4, 7 ... / 2, 5, 8 ... / 3, 6, 9 ... 30
        catalog.publish("pointers", None, version)
        print(catalog.published_version("pointers"))
"""


def race(script: str, *args: str, count: int = 3) -> list[str]:
    """Start processes that have loaded all they need, let them go at once, and give what each printed."""
    gate = "def wait():\n    print('ready', flush=True)\n    input()\n"
    text = gate + "\n".join(line.removeprefix("    ") for line in script.splitlines())
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", text, *args, str(n)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(count)
    ]
    for process in processes:
        line = process.stdout.readline()
        assert line == "ready\n", process.communicate()[1]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    done = [process.communicate() for process in processes]
    assert [p.returncode for p in processes] == [0] * count, [
        error for _, error in done
    ]
    return [out for out, _ in done]


def test_two_commands_ingest_one_session_at_once(
    tmp_path, recording, make_png, open_at, read_tables
):
    """Both end well, nothing is there twice, and each file is new to exactly one of them."""
    landed = tmp_path / "monday"
    landed.mkdir()
    (landed / "drive.mcap").write_bytes(recording)
    (landed / "README.md").write_text("about")
    (landed / "images").mkdir()
    for n in range(4):
        (landed / "images" / f"{n}.png").write_bytes(make_png(n))
    env = {
        **os.environ,
        "DAGUERRE_HOME": str(tmp_path / "home"),
        "DAGUERRE_PROFILE": "ci",
    }
    command = [
        sys.executable,
        "-m",
        "orchestration.cli",
        "ingest",
        str(landed),
        "--json",
    ]
    workers = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [w.communicate(timeout=120) for w in workers]
    assert [w.returncode for w in workers] == [0, 0], [error for _, error in ended]
    reports = [json.loads(out) for out, _ in ended]
    assert all(
        r["files"] == 6 == r["new"] + r["already_ingested"] + r["quarantined"]
        for r in reports
    )
    intake = open_at(tmp_path / "home")
    assert (
        verify(Stores(intake.catalog, intake.ledger, intake.blobs, tmp_path / "home"))
        == []
    )

    alone = tmp_path / "alone"
    alone.mkdir()
    peace = open_at(alone)
    peace.ingest(Folder(str(landed)), "monday")
    assert read_tables(intake.catalog) == read_tables(peace.catalog)


@pytest.mark.parametrize("exists", [True, False], ids=["existing table", "new table"])
def test_three_processes_that_merge_the_same_keys_leave_each_once(catalog, exists):
    if exists:
        catalog.merge("publications", TABLES["publications"].schema.empty_table())
    printed = race(TO_MERGE, catalog.uri)
    keys = catalog.read_latest("publications")["publication_id"].to_pylist()
    assert (len(keys), len(set(keys))) == (200, 200)
    assert sum(int(out) for out in printed) == 200


def test_writers_that_make_a_table_at_once_lose_no_rows(tmp_path):
    """Lance's own `create` loses rows in about every fourth of these rounds."""
    for number in range(12):
        barrier = threading.Barrier(4)
        errors = []

        def merge(
            letter: str,
            uri: str = str(tmp_path / str(number)),
            barrier=barrier,
            errors=errors,
        ) -> None:
            rows = [{"pointer": f"release/{letter}{n}", "target": "t"} for n in "abc"]
            barrier.wait()
            try:
                Catalog(uri).merge("pointers", to_table(TABLES["pointers"], rows))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=merge, args=(letter,)) for letter in "wxyz"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert (
            len(Catalog(str(tmp_path / str(number))).read_latest("pointers")) == 4 * 3
        )


def test_publications_that_race_never_go_back(catalog):
    for n in range(30):
        catalog.point("release/detection", str(n))
    printed = race(TO_PUBLISH, catalog.uri)
    for out in printed:
        seen = [int(v) for v in out.split()]
        assert seen == sorted(seen)
    assert catalog.published_version("pointers") == 30
    # version 1 is the empty table
    assert catalog.read("pointers")["target"].to_pylist() == ["28"]
