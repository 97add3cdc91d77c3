"""The token of a server: new at each start, and one for all servers that answer for a home at a time."""

from __future__ import annotations

from orchestration.gate import read_token
from orchestration.profiles import load_settings
from orchestration.serving import _hold_token


def test_a_second_server_of_a_home_leaves_the_first_ones_token(tmp_path):
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path)})
    with _hold_token(settings) as path:
        first = read_token(path)
        with _hold_token(settings) as path:
            assert read_token(path) == first
    with _hold_token(settings) as path:
        assert read_token(path) != first
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_token_of_the_settings_is_left_as_it_is(tmp_path):
    chosen = tmp_path / "chosen"
    chosen.write_text("a" * 43)
    chosen.chmod(0o600)
    settings = load_settings(
        {
            "DAGUERRE_HOME": str(tmp_path / "home"),
            "DAGUERRE_UI_TOKEN_FILE": str(chosen),
        }
    )
    with _hold_token(settings) as path:
        assert path == chosen and read_token(path) == "a" * 43
