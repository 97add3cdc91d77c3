"""Wrong calls of every verb: one line with cause and remedy on stderr, nothing on stdout, and the right exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestration.cli import main
from orchestration.cli.mistakes import explain_system


@pytest.fixture
def call(home, monkeypatch, capsys, tmp_path):
    """call("status"): exit code, stdout and stderr of the command in an empty folder, on an empty home."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "file").write_text("x")
    (work / "folder").mkdir()
    (work / "folder" / "a.txt").write_text("x")
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.chdir(work)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["daguerre", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return stop.value.code, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ingest nothere", "does not exist: check the path"),
        ("ingest nothere --dry-run", "does not exist: check the path"),
        (("ingest", ""), "no place is named: give a folder"),
        (("ingest", " ", "--dry-run"), "no place is named"),
        ("ingest folder --session !!!", "gives no session name: use letters"),
        ("ingest folder --verbos", "No such option: --verbos"),
        ("ingest", "`daguerre ingest --help` lists what there is"),
        ("ingest a b", "it is `daguerre ingest PLACE`"),
        ("lineage", "it is `daguerre lineage KIND ID`"),
        ("lineage monday", "it is `daguerre lineage KIND ID`"),
        ("restore /nope", "there is no backup in /nope: give the folder of one"),
        ("restore file", "there is no backup in"),
        ("restore folder", "there is no backup in"),
        ("demo --task detection", "--task: only with --source"),
        ("demo --recipe tiny_detection --accept-thin-test", "only with --source"),
        ("demo --source X", "--source X needs --task: one of recognition"),
        ("demo --source X --task detect", "--task detect: choose one of recognition"),
        ("demo --source X --task detection", "X does not exist"),
        (
            "demo --source folder --task detection --recipe huge",
            "there is no recipe 'huge'",
        ),
        ("quarantine list nope", "there is no session 'nope': `daguerre status`"),
        ("quarantine retry nope", "there is no session 'nope'"),
        ("quarantine drop nope --yes", "there is no session 'nope'"),
        ("quarantine drop", "Missing argument"),
        ("quarantine lst", "Did you mean 'list'?"),
        ("report", "`daguerre train TASK` makes one"),
        ("report --out file", "`daguerre train TASK` makes one"),
        ("exam --rung oracle", "--rung oracle: choose one of rules, model"),
        ("exam --questions nope", "there is no set 'nope': choose of"),
        ("train nope", "there is no task 'nope': choose one of"),
        ("train recognition --dry-run", "`daguerre ingest PLACE`"),
        ("train recognition --sesions a", "Possible options: --json, --sessions"),
        ("tune detection --trials 0 --dry-run", "0 trials: at least 1"),
        ("tune detection --space lr=a --dry-run", "lr = 'a': give a range"),
        ("tune detection --space no=1/2 --dry-run", "'no' is no setting"),
        ("results --task nope", "there is no task 'nope'"),
        ("results --csv --wide", "--wide and --csv: give one of them"),
        (("query", "select 1", "--csv", "--wide"), "--wide and --csv: give one"),
        (("query", "selec 1"), "at character 1: Parser Error: syntax error"),
        (("query", "select nope from frames"), "at character 8: Binder Error"),
        (("query", "select 1; select 2"), "only one SELECT statement"),
        ("lineage modl abcdef", "'modl' has no lineage: use one of capture"),
        ("export frames to --sessions nope", "session 'nope' has no frames"),
        ("drift --sessions nope", "session 'nope' has no frames"),
        ("export frames to --every 0", "every is 0: it counts frames, give 1 or more"),
        ("export frames to --limit 0", "limit is 0: it counts frames, give 1 or more"),
        ("export frames to --format nope", "format 'nope' is none of"),
        ("export frames folder", "is not empty: name a new folder"),
        ("simulate file", "is a file, and a folder belongs there"),
        ("simulate out --seconds 0", "seconds is 0.0: give a number above 0"),
        ("simulate out --captures x", "valid integer"),
        ("backup file", "set DAGUERRE_HOME to the home"),
        ("forget nope", "is no session, no file of one"),
        ("report nope --out folder", "--out folder is a folder: name a file in it"),
        ("serve --shadow-share 0.5", "--shadow-share 0.5 without --shadow: name"),
        ("export rig nope rig.yaml", "there is no session 'nope': `daguerre status`"),
        ("export rig nope rig.yaml --format voc", "format 'voc' is none of"),
        ("splats nope", "there is no session 'nope': `daguerre status`"),
        ("splats nope --device tpu", "device 'tpu': choose one of cuda, cpu"),
        ("export splats nope a.ply", "there is no session 'nope': `daguerre status`"),
        ("calibrate nope --check", "there is no session 'nope': `daguerre status`"),
        ("calibrate nope --board chessboard:9x6:25mm", "there is no session 'nope'"),
        ("card nopenope", "no release begins with nopenope"),
        ("card detection", "detection has no champion"),
        ("triage nope", "no session is called 'nope', and no run begins with"),
        ("morning --html folder", "folder is a folder: name a file"),
        ("ui --port 0", "greater than or equal to 1"),
        ("upgrad", "Did you mean 'upgrade'?"),
        ("status --helth", "Possible options: --health, --help"),
    ],
)
def test_a_wrong_call_is_one_line_with_a_remedy_and_exit_code_two(
    call, words: str | tuple[str, ...], told: str
):
    code, out, err = call(*(words.split() if isinstance(words, str) else words))
    assert (code, out) == (2, "")
    # what loads for more than a moment is told while it does
    lines = [line for line in err.splitlines() if not line.endswith(" ...")]
    assert len(lines) == 1 and lines[0].startswith("daguerre: "), err
    assert told in lines[0] and "Errno" not in err


def test_a_group_of_verbs_without_one_shows_its_help(call):
    code, out, err = call("quarantine")
    assert code == 2 and "retry" in out + err and "Traceback" not in out + err


def test_a_home_that_is_a_file_is_told(call, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(Path("file").resolve()))
    code, out, err = call("status")
    assert (code, out) == (2, "")
    assert err.endswith(
        "file is a file, and a folder belongs there: name another place\n"
    )


def test_what_the_system_says_is_put_into_words_and_other_words_stay(tmp_path: Path):
    for wrong, told in (
        (lambda: tmp_path.read_text(), "is a folder, and a file belongs there"),
        (lambda: (tmp_path / "no" / "a").write_text(""), "does not exist"),
    ):
        with pytest.raises(OSError) as caught:
            wrong()
        assert explain_system(caught.value).startswith(str(tmp_path))
        assert told in explain_system(caught.value)
    ours = FileNotFoundError("there is no session 'a': `daguerre status` lists those")
    assert explain_system(ours) == str(ours)


@pytest.fixture
def interrupted(monkeypatch):
    """As if somebody pressed Ctrl-C when the settings are read."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestration.profiles.load_settings", interrupt)


def test_a_server_that_is_interrupted_has_ended_as_it_should(call, interrupted):
    assert call("metrics") == (130, "", "")


def test_a_command_that_is_interrupted_says_what_stays(call, interrupted):
    code, out, err = call("query", "select 1")
    assert (code, out) == (130, "")
    assert err == (
        "daguerre: interrupted: what was stored before stays, and the same command does the rest\n"
    )


def test_a_setting_with_a_typing_error_is_told_and_the_command_goes_on(
    call, monkeypatch
):
    monkeypatch.setenv("DAGUERRE_WORKER", "3")
    code, _, err = call("--version")
    assert code == 0
    assert err == (
        "daguerre: DAGUERRE_WORKER is no setting, and does nothing: did you mean DAGUERRE_WORKERS?\n"
    )
