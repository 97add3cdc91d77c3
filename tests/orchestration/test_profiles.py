"""Which home a command takes, by what is named and where it runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assets.loop import LoopLimits
from orchestration.profiles import CHECKOUT, find_home, load_settings


def test_a_home_that_is_named_wins(tmp_path: Path) -> None:
    (tmp_path / ".daguerre").mkdir()
    assert (
        find_home({"DAGUERRE_HOME": str(tmp_path / "mine")}, tmp_path)
        == tmp_path / "mine"
    )
    assert (
        find_home({"DAGUERRE_HOME": "~/mine"}, tmp_path)
        == Path("~/mine").expanduser().resolve()
    )


def test_the_home_of_the_working_folder_comes_next(tmp_path: Path) -> None:
    (tmp_path / ".daguerre").mkdir()
    assert (
        find_home({"XDG_DATA_HOME": str(tmp_path / "data")}, tmp_path)
        == tmp_path / ".daguerre"
    )


def test_a_checkout_has_its_home_in_it_whoever_runs_there(tmp_path: Path) -> None:
    (tmp_path / "orchestration").mkdir()
    (tmp_path / "orchestration" / "profiles.py").touch()
    (tmp_path / "pyproject.toml").touch()
    assert find_home({}, tmp_path) == tmp_path / ".daguerre"


def test_folders_of_this_checkout_share_its_home() -> None:
    assert (
        find_home({}, CHECKOUT)
        == find_home({}, CHECKOUT / "docs" / "how-to")
        == CHECKOUT / ".daguerre"
    )


def test_tests_that_name_no_home_write_outside_of_the_checkout(
    home_of_nobody: Path,
) -> None:
    assert find_home(os.environ, CHECKOUT) == home_of_nobody
    assert not home_of_nobody.is_relative_to(CHECKOUT)


@pytest.mark.parametrize("work", ["", "below/it"])
def test_elsewhere_it_is_the_folder_of_the_users_data(
    work: str, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere" / work
    folder.mkdir(parents=True)
    assert (
        find_home({"XDG_DATA_HOME": str(tmp_path / "data")}, folder)
        == tmp_path / "data" / "daguerre"
    )
    usual = Path("~/.local/share/daguerre").expanduser().resolve()
    assert (
        find_home({}, folder)
        == find_home({"XDG_DATA_HOME": "relative"}, folder)
        == usual
    )


def test_a_home_in_a_folder_above_is_nobodys(tmp_path: Path) -> None:
    """A home names code to run, and above may lie a folder that everybody writes to."""
    (tmp_path / ".daguerre").mkdir()
    (tmp_path / "below").mkdir()
    found = find_home({"XDG_DATA_HOME": str(tmp_path / "data")}, tmp_path / "below")
    assert found == tmp_path / "data" / "daguerre"


def test_settings_lie_in_the_home_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".daguerre").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert (settings.home, settings.tables_uri) == (
        tmp_path / ".daguerre",
        str(tmp_path / ".daguerre" / "tables"),
    )


@pytest.mark.parametrize(
    ("text", "num_bytes"), [("", None), ("0", 0), ("20", 20 * 2**30), ("0.5", 2**29)]
)
def test_the_limit_of_decoded_images_is_read_in_gibibytes(
    tmp_path: Path, text: str, num_bytes: int | None
) -> None:
    settings = load_settings(
        {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_PIXEL_CACHE_GIB": text}
    )
    room = settings.workspace.pixels
    assert (room.folder, room.limit_bytes) == (tmp_path / "cache" / "pixels", num_bytes)


@pytest.mark.parametrize("text", ["-1", "20 GB", "nan", "inf"])
def test_a_limit_of_decoded_images_that_is_no_size_is_refused(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(ValueError, match=r"DAGUERRE_PIXEL_CACHE_GIB=.* or 0 to keep"):
        load_settings(
            {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_PIXEL_CACHE_GIB": text}
        )


@pytest.mark.parametrize("text", ["10.0.0.5:6379", "head.svc:6379", "[::1]:6379"])
def test_the_address_of_a_cluster_is_that_of_its_head(
    tmp_path: Path, text: str
) -> None:
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_RAY": text})
    assert settings.workspace.ray_address == text


def test_without_an_address_there_is_no_cluster(tmp_path: Path) -> None:
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_RAY": ""})
    assert settings.workspace.ray_address is None


@pytest.mark.parametrize("text", ["ray://10.0.0.5:10001", "auto", "10.0.0.5", ":6379"])
def test_what_is_no_address_of_a_head_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        ValueError, match=r"DAGUERRE_RAY=.* give host:port of the cluster's head"
    ):
        load_settings({"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_RAY": text})


def test_a_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refusal:
        load_settings(
            {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_RAY": "ray://me:secret@a:1"}
        )
    assert "secret" not in str(refusal.value)


def test_a_cluster_and_a_profile_without_ray_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"DAGUERRE_RAY=.* DAGUERRE_PROFILE=ci"):
        load_settings(
            {
                "DAGUERRE_HOME": str(tmp_path),
                "DAGUERRE_PROFILE": "ci",
                "DAGUERRE_RAY": "a:1",
            }
        )


def test_what_the_loop_may_cost_is_set_by_two_whole_numbers(tmp_path):
    env = {"DAGUERRE_HOME": str(tmp_path)}
    assert load_settings(env).loop == LoopLimits(60, 6 * 3600)
    given = {"DAGUERRE_LABELS_A_DAY": "0", "DAGUERRE_TRAINING_COOLDOWN_S": "60"}
    assert load_settings(env | given).loop == LoopLimits(0, 60)
    with pytest.raises(ValueError, match="DAGUERRE_LABELS_A_DAY='many'"):
        load_settings(env | {"DAGUERRE_LABELS_A_DAY": "many"})


def test_an_address_with_one_slash_is_no_folder(tmp_path: Path) -> None:
    env = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_LANDING": "s3:/bucket/landing"}
    with pytest.raises(ValueError, match="an address has two slashes"):
        load_settings(env)
