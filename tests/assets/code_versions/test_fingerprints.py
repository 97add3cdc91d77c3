"""A fingerprint follows what code does: what it uses changes it, how it is written and where it lies do not."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path

import pytest

from assets.code_versions.fingerprints import Project
from assets.code_versions.tree import FolderTree, GitTree

MAKER = """
    '''Measure a picture.'''
    import numpy as np
    from models.scale import SHARE, Gauge

    def measure(picture, gain=2):
        '''The figure.'''
        gauge = Gauge(gain)
        total = 0
        for row in picture:
            total += np.sum(row) * SHARE
        return [gauge.read(value) for value in (total, gain)]
"""
SCALE = """
    from models.steps import halve

    SHARE = 0.5

    class Gauge:
        def __init__(self, gain):
            self.gain = gain

        def read(self, value):
            return halve(value) * self.gain
"""
STEPS = """
    LEAST = 1

    def halve(value):
        return max(value / 2, LEAST)

    def unused(value):
        return value
"""


@pytest.fixture
def take(tmp_path):
    """take(maker=..., scale=..., steps=...): the fingerprint of `measure` with these sources."""
    numbers = iter(range(99))

    def write(**sources: str) -> str:
        root = tmp_path / str(next(numbers))
        for name, source in {
            **{"maker": MAKER, "scale": SCALE, "steps": STEPS},
            **sources,
        }.items():
            path = root / f"models/{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
        found = Project(FolderTree(root)).take_fingerprint(["models.maker:measure"])
        assert found is not None
        return found.value

    return write


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    total = 0\n", "    # from nothing\n        total = 0\n"),
        ("'''The figure.'''", "'''Another text.'''"),
        ("'''The figure.'''", "pass"),
        ("total", "sum_of_rows"),
        ("value", "one"),
        ("picture", "image"),
        ("gain=2)", "gain: int = 2) -> list"),
        ("        '''The figure.'''\n", ""),
        ("(total, gain)]", "(\n            total,\n            gain,\n        )]"),
        ("np.sum(row) * SHARE", "(np.sum(row)) * (SHARE)"),
        ("gauge = Gauge(gain)", "gauge: Gauge = Gauge(gain)"),
        (
            "gauge = Gauge(gain)",
            "from models.scale import Gauge as Meter\n        gauge = Meter(gain)",
        ),
    ],
)
def test_how_code_is_written_does_not_count(take, old, new):
    changed = MAKER.replace(old, new)
    assert changed != MAKER and take(maker=changed) == take()


@pytest.mark.parametrize(
    ("file", "source", "old", "new"),
    [
        ("maker", MAKER, "gain=2", "gain=3"),
        ("maker", MAKER, "np.sum", "np.mean"),
        ("maker", MAKER, "(total, gain)", "(gain, total)"),
        ("maker", MAKER, "total += ", "total -= "),
        ("scale", SCALE, "SHARE = 0.5", "SHARE = 0.25"),
        ("scale", SCALE, "self.gain\n", "self.gain + 1\n"),
        ("steps", STEPS, "value / 2", "value / 3"),
        ("steps", STEPS, "LEAST = 1", "LEAST = 1.0"),
        ("steps", STEPS, "LEAST = 1", "LEAST = 1\n    print('loaded')"),
    ],
)
def test_what_code_does_counts_also_two_calls_away(take, file, source, old, new):
    changed = source.replace(old, new)
    assert changed != source and take(**{file: changed}) != take()


def test_the_alias_of_a_library_does_not_count(take):
    bare = MAKER.replace("import numpy as np", "import numpy")
    assert take(maker=bare.replace("np.sum", "numpy.sum")) == take()


def test_what_is_not_used_does_not_count(take):
    assert take(steps=STEPS.replace("return value\n", "return -value\n")) == take()


def test_where_helpers_lie_and_what_they_are_called_does_not_count(take):
    moved = {
        "scale": SCALE.replace(
            "models.steps import halve", "models.parts import half"
        ).replace("halve(", "half("),
        "parts": STEPS.replace("halve", "half"),
    }
    assert take(**moved) == take()


def test_two_locals_that_trade_places_count(take):
    swapped = MAKER.replace("gauge.read(value)", "gauge.read(gain)")
    assert take(maker=swapped) != take()


def test_functions_that_call_each_other_are_followed_once(take):
    def call_each_other(last: str) -> str:
        return f"""
            SHARE = 1
            class Gauge:
                def read(self, value):
                    return walk(value)
            def walk(value):
                return back(value)
            def back(value):
                return walk(value) if value else {last}
        """

    assert take(scale=call_each_other("1")) == take(scale=call_each_other("1"))
    assert take(scale=call_each_other("1")) != take(scale=call_each_other("2"))


def test_classes_of_arguments_and_modules_by_name_are_followed(take):
    def passes(step: str) -> dict[str, str]:
        maker = """
            from models.scale import Gauge
            CHILD = "models.steps"
            def measure(gauge: "Gauge"):
                return gauge.read(CHILD)
        """
        return {"maker": maker, "steps": STEPS.replace("value / 2", step)}

    assert take(**passes("value / 2")) != take(**passes("value / 4"))
    other = SCALE.replace("* self.gain", "/ self.gain")
    assert take(**passes("value / 2")) != take(**passes("value / 2"), scale=other)


def test_an_f_string_counts_by_its_text(take):
    one = MAKER.replace("'''The figure.'''", "print(f'a{gain}b' 'c')")
    assert take(maker=one) == take(
        maker=one.replace("f'a{gain}b' 'c'", "f'a' f'{gain}bc'")
    )
    assert take(maker=one) != take(maker=one.replace("'c'", "'d'"))


def test_a_maker_that_is_not_there_has_none(take, tmp_path):
    take()
    project = Project(FolderTree(tmp_path / "0"))
    assert project.take_fingerprint(["models.maker:gone"]) is None
    assert project.take_fingerprint(["models.gone:measure"]) is None


def git(root: Path, *words: str) -> None:
    facts = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(
        ["git", "-C", str(root), *facts, *words], check=True, capture_output=True
    )


def test_a_commit_is_read_without_a_checkout(take, tmp_path):
    before = take()
    root = tmp_path / "0"
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    (root / "models/steps.py").write_text("def halve(value):\n    return 'ä'\n")
    entries = ["models.maker:measure"]
    old, new = Project(GitTree("HEAD", root)), Project(FolderTree(root))
    was, now = old.take_fingerprint(entries), new.take_fingerprint(entries)
    assert was is not None and was.value == before and now is not None
    assert now.list_differences(was) == ["models.steps:LEAST", "models.steps:halve"]
    assert "'ä'" in (root / "models/steps.py").read_text()


@pytest.mark.parametrize(
    ("ref", "told"),
    [("no-such", "is no commit here: give a branch"), ("--all", "is no commit here")],
)
def test_what_is_no_commit_is_told(take, tmp_path, ref, told):
    take()
    git(tmp_path / "0", "init", "-q")
    with pytest.raises(ValueError, match=told) as found:
        GitTree(ref, tmp_path / "0")
    assert ref in str(found.value) and "\n" not in str(found.value)


def test_without_a_repository_or_git_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ValueError, match=r"'main': .* is in no git repository"):
        GitTree("main", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="there is no git here: install it"):
        GitTree("main", tmp_path)
