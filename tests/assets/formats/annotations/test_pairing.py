"""Which image a path means: by its tail, as far as it is given, and by no other image's."""

from __future__ import annotations

import pytest

from assets.formats.annotations.pairing import ImageIndex, find_folder
from assets.storage import SessionFile


def index_of(*paths: str, root: str = "") -> ImageIndex:
    return ImageIndex([SessionFile(path, path, 1, "1") for path in paths], root)


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("a.jpg", "images/a.jpg"),
        ("images/a.jpg", "a.jpg"),
        ("JPEGImages/a.jpg", "images/a.jpg"),
        ("train/a.jpg", "images/train/a.jpg"),
        ("images/train/a.jpg", "train/images/a.jpg"),
        ("./cam_a/a.jpg", "images/cam_a/a.jpg"),
        ("C:\\data\\set\\cam_a\\a.jpg", "cam_a/a.jpg"),
        ("/home/somebody/set/cam_a/a.jpg", "set/cam_a/a.jpg"),
        ("cam_a/a", "images/cam_a/a.jpg"),
        ("IMG.JPG", "photos/img.jpg"),
        ("scene.001", "scene.001.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
    ],
)
def test_a_path_finds_its_image(reference, path):
    assert index_of(path, "elsewhere/b.jpg").find(reference).path == path


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("cam_b/a.jpg", "images/cam_a/a.jpg"),
        ("val/a.jpg", "train/a.jpg"),
        ("x/cam_b/a.jpg", "cam_a/a.jpg"),
        ("scene.001", "scene.jpg"),
        ("scene.001", "scene.002.jpg"),
        ("b.jpg", "a.jpg"),
        ("", "a.jpg"),
    ],
)
def test_a_path_with_another_folder_or_name_finds_none(reference, path):
    with pytest.raises(LookupError):
        index_of(path).find(reference)


def test_a_folder_above_the_dataset_may_have_another_name():
    assert (
        index_of("copy of set/a.jpg", root="copy of set").find("set/a.jpg").path
        == "copy of set/a.jpg"
    )


def test_two_images_of_a_name_are_told_apart_by_folder_and_else_by_nothing():
    index = index_of("cam_a/1.png", "cam_b/1.png")
    assert index.find("cam_b/1.png").path == "cam_b/1.png"
    with pytest.raises(LookupError, match="may be any of 2"):
        index.find("1.png")


def test_hints_decide_between_equals_and_a_split_contradicts_another():
    index = index_of("train/1.png", "val/1.png")
    assert index.find("1.png", ("val2017",)).path == "val/1.png"
    with pytest.raises(LookupError):
        index_of("train/1.png").find("1.png", ("val",))


def test_a_shorter_match_counts_and_none_has_it_where_two_claim_it():
    index = index_of("1.png", "2.png")
    assert index.find("cam_a/1.png").path == "1.png" and index.num_looser == 1
    index.announce(["cam_a/2.png", "cam_b/2.png"])
    for reference in ("cam_a/2.png", "cam_b/2.png"):
        with pytest.raises(LookupError, match="another path means it"):
            index.find(reference)


def test_an_image_that_one_path_means_wholly_is_nobody_elses():
    index = index_of("cam_a/1.png", "x.png")
    index.announce(["cam_a/1.png", "deep/cam_a/1.png"])
    assert index.find("cam_a/1.png").path == "cam_a/1.png"
    with pytest.raises(LookupError, match="that is another one's"):
        index.find("deep/cam_a/1.png")


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("images/batch_a", "set/images/batch_a"),
        ("../batch_a", "set/images/batch_a"),
        ("/home/somebody/set/images/batch_b", "set/images/batch_b"),
        ("./images/batch_b/*.jpg", "set/images/batch_b"),
        ("set/images", "set/images"),
        ("images/batch_c", None),
        ("other/batch_a", None),
    ],
)
def test_a_folder_is_found_by_its_tail(reference, found):
    assert (
        find_folder(reference, ["set/images/batch_a", "set/images/batch_b"], "set")
        == found
    )
