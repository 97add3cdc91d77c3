"""Model folders: whole ones open, anything else is refused by name."""

import json
import pickle

import pytest

from assets.registry.lineage import find_lineage
from assets.registry.package import Refusal, read_package


def test_whole_folder_opens_with_the_hash_of_its_weights(make_folder, row_of):
    folder = make_folder()
    package = read_package(folder)
    assert package.model_sha256 == row_of(folder)["model_sha256"]
    assert set(package.hashes) == {"model.safetensors", "model.onnx", "model.json"}


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx"])
def test_one_flipped_bit_is_refused_and_named(make_folder, name):
    folder = make_folder()
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(Refusal, match=f"{name} has changed"):
        read_package(folder)


def test_edited_facts_are_refused_where_their_hash_is_known(make_folder):
    folder = make_folder()
    known = read_package(folder).hashes
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**facts, "seed": 8}))
    with pytest.raises(Refusal, match=r"model\.json has changed"):
        read_package(folder, known)


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_missing_file_is_refused_and_named(make_folder, name):
    folder = make_folder()
    (folder / name).unlink()
    with pytest.raises(Refusal, match=name):
        read_package(folder)


def test_facts_without_a_release_are_refused(make_folder):
    with pytest.raises(Refusal, match="does not say release_id"):
        read_package(make_folder(release_id=None))


def test_facts_without_hashes_are_refused(make_folder):
    with pytest.raises(Refusal, match=r"no hash for model\.onnx, model\.safetensors"):
        read_package(make_folder(files={}))


def test_pickle_under_the_name_of_weights_is_refused(make_folder, row_of):
    folder = make_folder()
    (folder / "model.safetensors").write_bytes(pickle.dumps({"w": [1.0] * 8}))
    facts = json.loads((folder / "model.json").read_text())
    facts["files"]["model.safetensors"] = row_of(folder)["model_sha256"]
    (folder / "model.json").write_text(json.dumps(facts))
    with pytest.raises(Refusal, match="not a safetensors file"):
        read_package(folder)


def test_file_outside_of_the_folder_is_refused(make_folder):
    with pytest.raises(Refusal, match="lie in its folder"):
        read_package(make_folder(files={"../secret": "0" * 64}))


def test_lineage_is_the_rows_of_release_and_training(make_folder, release, row_of):
    folder = make_folder()
    lineage = find_lineage(read_package(folder), [release], [row_of(folder)])
    assert (lineage.release["release_id"], lineage.model["run_id"]) == (release["release_id"], "train-run")


def test_unknown_release_is_refused(make_folder, row_of):
    folder = make_folder()
    with pytest.raises(Refusal, match="not in the catalog"):
        find_lineage(read_package(folder), [], [row_of(folder)])


def test_model_that_no_training_run_wrote_is_refused(make_folder, release):
    with pytest.raises(Refusal, match="no row of it"):
        find_lineage(read_package(make_folder()), [release], [])


def test_class_names_other_than_the_release_s_are_refused(make_folder, release, row_of):
    folder = make_folder(class_names=["box", "ball"])
    with pytest.raises(Refusal, match="class names"):
        find_lineage(read_package(folder), [release], [row_of(folder)])
