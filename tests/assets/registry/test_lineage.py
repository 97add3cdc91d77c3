"""Where a model comes from: rows that agree with its facts, or a refusal."""

import pytest

from assets.inference.package import Refusal, read_package
from assets.registry.lineage import find_lineage


def test_lineage_is_the_rows_of_release_and_training(make_folder, release, row_of):
    folder = make_folder()
    lineage = find_lineage(read_package(folder), [release], [row_of(folder)])
    assert (lineage.release["release_id"], lineage.model["run_id"]) == (
        release["release_id"],
        "train-run",
    )


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
