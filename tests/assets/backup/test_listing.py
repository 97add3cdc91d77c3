"""The list of a backup: what it may name."""

from __future__ import annotations

import pytest

from assets.backup.listing import BackupList, Entry, read_list, write_list


@pytest.mark.parametrize("path", ["../aside", "tables/../../aside", "/aside"])
def test_a_list_that_names_a_file_outside_is_refused(tmp_path, path):
    entries = {path: Entry(path, 0, 0, "0" * 64)}
    write_list(tmp_path, BackupList("2026-01-01", entries))
    with pytest.raises(ValueError, match="lies outside: it is no backup"):
        read_list(tmp_path)


def test_names_with_two_dots_inside_are_names(tmp_path):
    entries = {"a..b/c": Entry("a..b/c", 0, 0, "0" * 64)}
    write_list(tmp_path, BackupList("2026-01-01", entries))
    assert read_list(tmp_path).entries == entries
