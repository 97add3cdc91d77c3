"""A model that was trained on one machine is opened on another that shares tables and blobs with it, and no folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assets.inference.model_store import list_stored, open_model, store_package
from assets.inference.package import FACTS, ONNX, WEIGHTS, Refusal, read_package
from assets.storage import BlobStore
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from tests.assets.registry.conftest import model_row, write_folder


class Home:
    """Tables and blobs that machines share, and the folder of the machine that trained."""

    def __init__(self, folder: Path) -> None:
        self.trained_at = folder / "first"
        self.catalog = Catalog(str(folder / "tables"))
        self.blobs: BlobStore = self.catalog.blobs
        made = write_folder(folder / "made")
        self.row = model_row(made)
        self.sha256 = str(self.row["model_sha256"])
        self.row["folder"] = f"models/recognition/{self.sha256[:16]}"
        shutil.move(made, self.trained_at / str(self.row["folder"]))

    def store(self) -> str:
        package = read_package(self.trained_at / str(self.row["folder"]))
        facts_sha256 = store_package(self.blobs, package)
        self.write_row(facts_sha256)
        return facts_sha256

    def write_row(self, facts_sha256: str | None) -> None:
        row = self.row | {"facts_sha256": facts_sha256}
        self.catalog.merge("models", to_table(TABLES["models"], [row]))

    def blob(self, sha256: str) -> Path:
        return Path(self.blobs.folder.uri) / sha256[:2] / sha256


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_package_is_brought_to_a_machine_that_has_none(home, tmp_path):
    home.store()
    there = open_model(home.catalog, tmp_path / "second", home.sha256)
    here = open_model(home.catalog, home.trained_at, home.sha256)
    assert there.folder == tmp_path / "second" / str(home.row["folder"])
    assert there.facts == here.facts
    for name in (WEIGHTS, ONNX, FACTS):
        assert (there.folder / name).read_bytes() == (here.folder / name).read_bytes()


def test_what_was_brought_once_is_not_brought_again(home, tmp_path):
    facts_sha256 = home.store()
    first = open_model(home.catalog, tmp_path / "second", home.sha256)
    for sha256 in list_stored(home.blobs, facts_sha256).values():
        home.blob(sha256).unlink()
    assert open_model(home.catalog, tmp_path / "second", home.sha256) == first


@pytest.mark.parametrize("name", [WEIGHTS, ONNX, FACTS])
def test_a_package_that_the_store_has_not_whole_leaves_no_folder(home, tmp_path, name):
    facts_sha256 = home.store()
    home.blob(list_stored(home.blobs, facts_sha256)[name]).unlink()
    with pytest.raises(Refusal, match=r"not on this machine.* is gone: restore it"):
        open_model(home.catalog, tmp_path / "second", home.sha256)
    assert not (tmp_path / "second").exists()


def test_a_blob_that_has_changed_becomes_no_model(home, tmp_path):
    facts_sha256 = home.store()
    path = home.blob(list_stored(home.blobs, facts_sha256)[WEIGHTS])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(Refusal, match="has changed: restore it"):
        open_model(home.catalog, tmp_path / "second", home.sha256)
    assert not (tmp_path / "second").exists()


def test_a_copy_that_has_changed_is_refused_and_stays_as_it_is(home, tmp_path):
    home.store()
    copy = open_model(home.catalog, tmp_path / "second", home.sha256).folder
    (copy / ONNX).write_bytes(b"other")
    with pytest.raises(Refusal, match=r"model\.onnx has changed"):
        open_model(home.catalog, tmp_path / "second", home.sha256)
    assert (copy / ONNX).read_bytes() == b"other"


def test_a_row_of_before_has_its_folder_alone(home, tmp_path):
    home.write_row(None)
    assert open_model(home.catalog, home.trained_at, home.sha256).facts.seed == 7
    with pytest.raises(Refusal, match="is missing"):
        open_model(home.catalog, tmp_path / "second", home.sha256)


def test_a_model_without_a_row_is_named(home):
    with pytest.raises(LookupError, match="no model ffffffffffffffff is in the tables"):
        open_model(home.catalog, home.trained_at, "f" * 64)


def test_a_file_that_changes_while_it_is_stored_is_refused(home):
    package = read_package(home.trained_at / str(home.row["folder"]))
    (package.folder / ONNX).write_bytes(b"other")
    with pytest.raises(Refusal, match=r"model\.onnx has changed while it was stored"):
        store_package(home.blobs, package)
    with pytest.raises(FileNotFoundError):
        home.blobs.get(package.hashes[FACTS])


def test_facts_that_vouch_for_nothing_are_refused(home):
    sha256 = home.blobs.put(_stream(b"{}"))
    with pytest.raises(Refusal, match="has changed"):
        list_stored(home.blobs, sha256)


def _stream(content: bytes):
    import io

    return io.BytesIO(content)
