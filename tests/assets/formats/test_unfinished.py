"""Files that somebody is still writing, by their names, reach no reader."""

from __future__ import annotations

import pytest


def test_a_file_that_is_still_being_copied_waits_for_its_own_name(
    write_files, read_session, make_image
):
    names = ("b.jpg.part", "c.jpg.crdownload", "d.mcap.filepart", "e.tmp")
    files = {name: make_image() for name in ("a.jpg", *names)}
    reading = read_session(write_files(files))
    assert [f.path for plan in reading.plans for f in plan.files] == ["a.jpg"]
    assert [left.file.path for left in reading.leftovers] == list(names)
    for left in reading.leftovers:
        assert left.reason == "still being copied or downloaded, by its name"
        assert left.remedy.startswith("let that end") and not left.is_document


@pytest.mark.parametrize("name", ["part.jpg", "a.partial.jpg", "tmp/a.jpg"])
def test_a_whole_file_with_such_a_word_in_its_path_is_read(
    write_files, read_session, make_image, name
):
    reading = read_session(write_files({name: make_image()}))
    assert [f.path for plan in reading.plans for f in plan.files] == [name]
