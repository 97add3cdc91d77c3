"""`daguerre queue`: what is open is shown and skipped, and what cannot be asked is refused in one line."""

from __future__ import annotations

import pytest

from assets.annotation.queue.build import Question, draft_queue, write_queue
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import plain_row
from tests.assets.annotation.queue_home import QueueHome


@pytest.fixture
def queued(tmp_path, frame_rows, run_on):
    """The verb on a home with three open frames, and the queue."""
    home = QueueHome(Catalog(str(tmp_path / "home" / "tables")), frame_rows)
    draft = draft_queue(home.catalog, Question("detection", "random", 3))
    write_queue(home.catalog, draft)
    return run_on(tmp_path / "home"), draft


def test_what_is_open_is_shown_and_what_is_skipped_is_not(queued):
    run, draft = queued
    first, *rest = draft.rows["frame_id"].to_pylist()
    shown = run("queue", "show")
    assert [row["frame_id"] for row in shown["frames"]] == [first, *rest]
    assert (shown["queues"], shown["states"]) == ([draft.queue_id], {"open": 3})
    assert run("queue", "skip", first[:12]) == {"skipped": 1}
    assert [row["frame_id"] for row in run("queue", "show")["frames"]] == rest
    whole = run("queue", "show", draft.queue_id[:8])
    assert whole["states"] == {"skipped": 1, "open": 2}


def test_of_several_champions_one_is_to_be_named(queued, tmp_path):
    run, _ = queued
    catalog = Catalog(str(tmp_path / "home" / "tables"))
    rows = [plain_row("champions", {"task": t}) for t in ("detection", "recognition")]
    catalog.merge("champions", to_table(TABLES["champions"], rows))
    with pytest.raises(
        ValueError, match=r"^there are champions of detection, recognition: name what"
    ):
        run("queue")


def test_what_cannot_be_asked_is_refused(queued):
    run, _ = queued
    with pytest.raises(
        ValueError, match="there is no champion: name what to label for with --task"
    ):
        run("queue")
    with pytest.raises(ValueError, match="strategy 'best': choose one of mixture"):
        run("queue", "--task", "detection", "--strategy", "best")
    with pytest.raises(
        ValueError, match="no open frame begins with 'zz': `daguerre queue show`"
    ):
        run("queue", "skip", "zz")
