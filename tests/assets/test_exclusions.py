"""What an exclusion covers: a file, all below a folder, a session; and of several the widest."""

from __future__ import annotations

from assets.exclusions import WHOLE, Exclusion, index_coverings


def exclude(path: str) -> Exclusion:
    return Exclusion("monday", path, False, "", "ada", "2026-11-21T12:00:00Z")


def test_a_folder_covers_what_lies_in_it_and_no_name_that_begins_alike():
    find = index_coverings([exclude("images"), exclude("labels/1.txt")])
    assert find("images/a/1.png") == find("images") == exclude("images")
    assert find("labels/1.txt") == exclude("labels/1.txt")
    assert find("images2/1.png") is find("labels/1.txt2") is find("labels") is None


def test_the_widest_of_several_is_named():
    parts = [exclude("a/b/1.png"), exclude("a/b"), exclude("a")]
    assert index_coverings(parts)("a/b/1.png") == exclude("a")
    assert index_coverings([*parts, exclude(WHOLE)])("a/b/1.png") == exclude(WHOLE)
    assert index_coverings([])("a") is None
