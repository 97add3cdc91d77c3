"""Work on two nodes of Ray: the rows of one process, each once, whatever dies meanwhile, and what the workers say."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from assets.cluster.pool import run_pool
from assets.curation.session import embed_frames
from assets.evaluation.open_exam import examine_all
from assets.inference.embed import Embedder
from assets.monitoring.watch import predict_session
from assets.samples import read_release
from assets.tables.catalog import Catalog
from assets.workspace import Workspace
from bench.cluster import digest_rows, fill, store_model
from tests.assets.cluster.work import Square

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in ("DeprecationWarning:ray", "FutureWarning:ray", "ResourceWarning")
]
pytestmark.append(pytest.mark.timeout(600))
_NUM_FRAMES = 70  # two batches of embeddings, three of predictions


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "daguerre")


def _square(work: Square, numbers: list[int]) -> list[int]:
    return list(run_pool(work, numbers, (2, 2), work.folder))


def _tries(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "tries").read_text().split()]


def test_answers_come_once_in_order_when_workers_are_killed(nodes, tmp_path, caplog):
    numbers = list(range(60))
    work = Square(tmp_path, deadly=(7, 31))
    assert _square(work, numbers) == [n * n for n in numbers]
    tries = _tries(tmp_path)
    assert set(tries) == set(numbers) and tries.count(7) == tries.count(31) == 2
    assert caplog.text.count("a worker for squaring died") == 2
    # the last words of who was killed, with name and node, and no password
    said = [r.getMessage() for r in caplog.records if r.name == "daguerre.workers"]
    (word,) = [line for line in said if "INFO 7 is too much" in line]
    assert word.startswith("squaring worker ") and "on 127.0.0.1 (node " in word
    assert word.endswith("password=***")
    assert sum("my places are" in line for line in said) >= 3


def test_an_item_that_ends_each_worker_ends_the_work(nodes, tmp_path):
    work = Square(tmp_path, deadly=(3,), is_always_deadly=True)
    with pytest.raises(RuntimeError, match="squaring workers died one after another"):
        _square(work, list(range(6)))
    assert _tries(tmp_path).count(3) == 4


def test_what_the_work_finds_wrong_arrives_as_itself(nodes, tmp_path):
    with pytest.raises(ValueError, match=r"^-5 has no root: give another$"):
        _square(Square(tmp_path), [1, 2, -5, 3])


def test_few_items_are_under_way_at_a_time(nodes, tmp_path):
    taken = []

    def count():
        for number in range(1000):
            taken.append(number)
            yield number

    answers = run_pool(Square(tmp_path), count(), (2, 2), tmp_path)
    assert next(answers) == 0
    answers.close()
    assert len(taken) <= 8 and len(_tries(tmp_path)) <= 8


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> tuple[Catalog, Path, dict[str, str]]:
    """A home with frames of a session, a classifier, and the embedder's net."""
    home = tmp_path_factory.mktemp("home")
    catalog = Catalog(str(home / "tables"))
    fill(catalog, "s", _NUM_FRAMES, num_pictures=20)
    model = store_model(catalog, home)
    Embedder(home / "cache")
    return catalog, home, model


@pytest.fixture
def on_both(nodes, filled, monkeypatch):
    """on_both(make, table): digests of the session's rows as the cluster and as this process makes them."""
    catalog, home, _ = filled
    monkeypatch.setattr("assets.cluster.pool.FEWEST_FRAMES", _NUM_FRAMES)

    def make_both(make, table):
        found = []
        for workspace in (Workspace(home, ray_address=nodes.address), Workspace(home)):
            done = make(workspace)
            assert (done.computed, done.total) == (_NUM_FRAMES, _NUM_FRAMES)
            assert catalog.dataset(table).count_rows() == _NUM_FRAMES
            found.append(digest_rows(catalog, table, "s"))
            catalog.delete(table, "true")
        return found

    return make_both


def test_embeddings_are_the_same_to_the_byte_on_both(on_both, filled, caplog):
    catalog = filled[0]
    there, here = on_both(
        lambda where: embed_frames("s", catalog, where), "frame_embeddings"
    )
    assert there == here


def test_predictions_are_the_same_to_the_byte_by_a_model_brought_through_the_store(
    on_both, filled, other_home
):
    catalog, home, model = filled
    there, here = on_both(
        lambda where: predict_session(catalog, where, model, "s"), "predictions"
    )
    assert there == here
    name = f"models/recognition/{model['model_sha256'][:16]}/model.safetensors"
    assert (other_home / name).read_bytes() == (home / name).read_bytes()


def test_an_open_exam_has_the_same_figures_there_and_here(
    nodes, store_release, tmp_path, monkeypatch
):
    monkeypatch.setattr("assets.cluster.pool.FEWEST_FRAMES", 3)
    splits = ["train", "train", "val", "test", "test", "test"]
    catalog, release_id = store_release("multilabel", splits, ("cup", "plate"))
    asked = []
    monkeypatch.setattr(
        "assets.cluster.pool.run_pool",
        lambda *words: asked.append(words[0].name) or run_pool(*words),
    )
    home = tmp_path / "home"
    sha256 = store_model(catalog, home, "multilabel", release_id)["model_sha256"]
    release = read_release(catalog, release_id, "multilabel")
    there, here = (
        examine_all(catalog, where, release, "multilabel", [sha256])
        for where in (Workspace(home, ray_address=nodes.address), Workspace(home))
    )
    assert there == here and there[sha256].figures.keys() == {
        "map",
        "micro_f1",
    }
    assert asked == ["exam"], "once on the nodes"


def test_a_row_that_is_missing_at_the_end_is_no_success(nodes, filled, monkeypatch):
    catalog, home, _ = filled
    upsert = catalog.upsert
    monkeypatch.setattr(
        catalog, "upsert", lambda name, rows: upsert(name, rows.slice(1))
    )
    with pytest.raises(RuntimeError, match=r"70 rows .* were to be made, and 69 are"):
        embed_frames("s", catalog, Workspace(home))
    catalog.delete("frame_embeddings", "true")


# the last test: a node less
def test_a_node_that_is_lost_costs_no_row_and_makes_none_twice(nodes, tmp_path, caplog):
    def count():
        """The other node has its worker before the first number that ends it."""
        yield from range(20)
        deadline = time.monotonic() + 120
        while not (tmp_path / "elsewhere").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield from range(20, 200)

    work = Square(tmp_path, fatal=20)
    assert list(run_pool(work, count(), (2, 2), tmp_path)) == [
        n * n for n in range(200)
    ]
    assert "a worker for squaring died" in caplog.text
    assert set(_tries(tmp_path)) == set(range(200))
    assert nodes.is_alive(0) and not nodes.is_alive(1)
