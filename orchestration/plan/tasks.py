"""What follows from stale rows of sessions: clusters, splits, and of each champion dataset, training, scores, verdicts.

Belongs here: which of these would be made anew, and why. Does not: making a draft of any; where only that would tell,
the line says that it is an estimate.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import pyarrow.compute as pc

from assets.choice import read_choice
from assets.code_versions import version_of
from assets.kinds import find_kind
from assets.monitoring.pending import sessions_to_judge
from assets.retrieval.stale_reasons import (
    CODE,
    INPUT,
    MISSING,
    SELECTED,
    UNVERSIONED,
)
from assets.retrieval.stale_rows import Stale
from assets.tables.catalog import Catalog, is_in
from models.known_tasks import dataset_of
from models.task_names import TASK_NAMES
from orchestration.plan.lines import FOLLOWS, RECIPE, Line

_READ_AGAIN = "captures are read: rows whose pictures come out otherwise"
_RECORDINGS = "capture/recordings"
_CLUSTERS = "curation/unique_frames"
_SPLITS = "curation/splits"
_OF_FRAMES = ("curation/frame_quality", "curation/frame_embeddings")


@dataclass(frozen=True)
class Asked:
    """What the plan is about: sessions (None: all), selected assets, recipes and makers that differ.

    `makers` None: whatever code made the rows.
    """

    sessions: Collection[str] | None
    selected: Collection[str]
    recipes: Collection[str]
    makers: Collection[str] | None

    def counts_code(self, maker: str) -> bool:
        """Whether rows by other code belong to the plan."""
        return self.makers is None or maker in self.makers

    @property
    def counts_home(self) -> bool:
        """Whether what is missing belongs to it: it is asked of the home as it is."""
        return self.makers is None and not self.selected


def list_followers(
    catalog: Catalog, stale: Sequence[Stale], lines: Sequence[Line], asked: Asked
) -> list[Line]:
    """Lines in the order of the graph."""
    read_again = sorted(
        {s for n in lines if n.asset == _RECORDINGS for s in n.sessions}
    )
    found = [*_follow_captures(stale, read_again)]
    clusters = [*_list_clusters(catalog, [*lines, *found], asked)]
    found += clusters
    found += _list_splits(catalog, bool(clusters), asked)
    touched = {s for line in (*lines, *clusters, *found) for s in line.sessions}
    trained: list[str] = []
    for champion in catalog.read_latest("champions").sort_by("task").to_pylist():
        of_task = [*_follow_task(catalog, champion, touched, found, asked)]
        found += of_task
        if any(line.asset.startswith("training/") for line in of_task):
            trained.append(champion["task"])
    found += _list_verdicts(catalog, trained, asked)
    return found


def _follow_captures(
    stale: Sequence[Stale], read_again: Sequence[str]
) -> Iterator[Line]:
    if not read_again:
        return
    frames = Counter[str]()
    for one in stale:
        if one.asset == _RECORDINGS:
            frames[one.session] += one.frames
    rows = {session: frames.get(session) for session in read_again}
    known = [count for count in rows.values() if count is not None]
    total = sum(known) if len(known) == len(rows) else None
    yield Line(
        "capture/clock_reports",
        FOLLOWS,
        _READ_AGAIN,
        "rows",
        None,
        dict.fromkeys(rows),
        False,
    )
    for asset in _OF_FRAMES:
        yield Line(asset, FOLLOWS, _READ_AGAIN, "rows", total, rows, False)


def _list_clusters(
    catalog: Catalog, lines: Sequence[Line], asked: Asked
) -> Iterator[Line]:
    """Of `unique_frames`, which is decided as a whole and keeps what is as it was."""
    where = None if asked.sessions is None else is_in("session", sorted(asked.sessions))
    have = catalog.read_latest(
        "unique_frames", ["frame_id", "session", "code_version"], where
    )
    version = version_of("unique_frames")
    codes = Counter(
        zip(have["session"].to_pylist(), have["code_version"].to_pylist(), strict=True)
    )
    older: dict[str, int] = {}
    made_by = set()
    for (session, code), count in sorted(codes.items()):
        if code.partition(":")[0] != version:
            older[session] = older.get(session, 0) + count
            made_by.add(code.partition(":")[0])
    if older and asked.counts_code("unique_frames") and not asked.selected:
        why = f"{', '.join(sorted(made_by))} made them, {version} would"
        yield Line(_CLUSTERS, CODE, why, "rows", sum(older.values()), older, True)
    if _CLUSTERS in asked.selected:
        rows = dict(Counter(have["session"].to_pylist()))
        yield Line(_CLUSTERS, SELECTED, "", "rows", len(have), rows, True)
        return
    if asked.counts_home:
        embedded = catalog.read("frame_embeddings", ["frame_id", "session"], where)
        is_new = pc.invert(pc.is_in(embedded["frame_id"], value_set=have["frame_id"]))
        new = Counter(embedded.filter(is_new)["session"].to_pylist())
        if new:
            why = "frames that were not compared, with the clusters that they fall into"
            yield Line(
                _CLUSTERS, MISSING, why, "rows", sum(new.values()), dict(new), False
            )
    changed = _add_sessions(line for line in lines if line.asset in _OF_FRAMES)
    if changed:
        known = [n for n in changed.values() if n is not None]
        total = sum(known) if len(known) == len(changed) else None
        why = "their vectors or hashes are made anew; all frames of their clusters are compared"
        yield Line(_CLUSTERS, FOLLOWS, why, "rows", total, changed, False)


def _add_sessions(lines: Iterator[Line]) -> dict[str, int | None]:
    """The most rows of one asset by session; None where a line does not know."""
    found: dict[str, int | None] = {}
    for line in lines:
        for session, count in line.sessions.items():
            before = found.get(session, 0)
            unknown = count is None or before is None
            found[session] = None if unknown else max(before or 0, count or 0)
    return found


def _list_splits(
    catalog: Catalog, are_clusters_made: bool, asked: Asked
) -> Iterator[Line]:
    if _SPLITS in asked.selected:
        count = len(catalog.read_latest("splits", ["frame_id"]))
        yield Line(_SPLITS, SELECTED, "", "rows", count, {}, True)
    elif are_clusters_made:
        count = len(catalog.read("unique_frames", ["frame_id"]))
        why = "clusters are made anew; a frame that has a side keeps it"
        yield Line(_SPLITS, FOLLOWS, why, "rows", count, {}, False)


def _follow_task(
    catalog: Catalog,
    champion: Mapping[str, Any],
    touched: set[str],
    before: Sequence[Line],
    asked: Asked,
) -> Iterator[Line]:
    """Dataset, training, scores and gate of a task that has a champion."""
    task = champion["task"]
    dataset = dataset_of(task)
    releases = catalog.read_latest(
        "releases", where=is_in("release_id", [champion["release_id"]])
    ).to_pylist()
    models = catalog.read_latest(
        "models", where=is_in("model_sha256", [champion["model_sha256"]])
    ).to_pylist()
    if not releases or not models:
        return
    release, model = releases[0], models[0]
    learnt = set(release["sessions"])
    named = f"curation/{dataset}_dataset"
    num_frames = release["num_frames"]
    made = []
    new = _find_new(catalog, task, release) if asked.counts_home else {}
    if new:
        why = "labelled sessions that the champion did not learn from"
        made.append(
            Line(named, INPUT, why, "rows", num_frames + sum(new.values()), new, False)
        )
    if touched & learnt or any(line.asset in (_CLUSTERS, _SPLITS) for line in before):
        rows: dict[str, int | None] = dict.fromkeys(sorted(touched & learnt))
        why = "frames, labels or sides may come out otherwise"
        made.append(Line(named, FOLLOWS, why, "rows", num_frames, rows, False))
    code = version_of("releases")
    if (
        release["code_version"] != code
        and asked.counts_code("releases")
        and not asked.selected
    ):
        why = f"{release['code_version']} made it, {code} would"
        made.append(Line(named, CODE, why, "rows", num_frames, {}, False))
    if named in asked.selected:
        made.append(Line(named, SELECTED, "", "rows", num_frames, {}, True))
    if made:  # it is made once
        yield _join(made)
    trainings = [*_list_trainings(task, model, bool(made), asked)]
    yield from trainings
    scored = [*_list_scores(catalog, champion, bool(trainings), asked)]
    yield from scored
    if scored:
        yield Line(
            f"registry/{task}_release",
            FOLLOWS,
            "the gate judges again",
            "rows",
            1,
            {},
            True,
        )


def _list_scores(
    catalog: Catalog, champion: Mapping[str, Any], is_trained: bool, asked: Asked
) -> Iterator[Line]:
    """Of the new model; else of the exam that would be sat again, on the release of the model that was trained last."""
    task = champion["task"]
    asset = f"evaluation/{task}_scores"
    of_champion = is_in("model_sha256", [champion["model_sha256"]])
    if is_trained or asset in asked.selected:
        reason = FOLLOWS if is_trained else SELECTED
        count = len(catalog.read_latest("scores", ["score_id"], of_champion))
        why = "of the new model" if is_trained else ""
        yield Line(asset, reason, why, "rows", count, {}, False)
        return
    newest = catalog.pointed(f"model/{task}") or champion["model_sha256"]
    models = is_in("model_sha256", [newest])
    known = catalog.read_latest("models", ["release_id"], models)["release_id"]
    if not len(known) or asked.selected or not asked.counts_code("scores"):
        return
    both = is_in("model_sha256", [newest, champion["model_sha256"]])
    on_release = is_in("release_id", known.to_pylist())
    rows = catalog.read_latest(
        "scores", ["code_version"], f"{both} AND {on_release} AND split = 'test'"
    )
    code = version_of("scores")
    others = Counter(rows["code_version"].to_pylist())
    others.pop(code, None)
    if others:
        made_by = ", ".join(sorted(name or UNVERSIONED for name in others))
        why = f"{made_by} made them, {code} would"
        yield Line(asset, CODE, why, "rows", others.total(), {}, True)


def _join(lines: Sequence[Line]) -> Line:
    """One line of several on one asset: the first reason, the words of all, the most rows."""
    rows: dict[str, int | None] = {}
    for line in lines:
        rows |= {s: n for s, n in line.sessions.items() if rows.get(s) is None}
    return replace(
        lines[0],
        why="; ".join(filter(None, (line.why for line in lines))),
        num_rows=max(line.num_rows or 0 for line in lines),
        sessions=rows,
    )


def _list_trainings(
    task: str, model: Mapping[str, Any], is_dataset_made: bool, asked: Asked
) -> Iterator[Line]:
    asset = f"training/{task}"
    code = version_of("models")
    reasons = []
    if is_dataset_made:
        reasons.append((FOLLOWS, "if its dataset comes out otherwise"))
    if (
        model["code_version"] != code
        and asked.counts_code("models")
        and not asked.selected
    ):
        reasons.append(
            (CODE, f"{model['code_version']} trained the champion, {code} would")
        )
    if model["recipe"] in asked.recipes:
        reasons.append((RECIPE, f"{model['recipe']} differs from that of the commit"))
    if asset in asked.selected:
        reasons.append((SELECTED, ""))
    if reasons:  # one training answers all
        reason = next((r for r, _ in reasons if r != FOLLOWS), FOLLOWS)
        why = "; ".join(filter(None, (why for _, why in reasons)))
        yield Line(asset, reason, why, "trainings", 1, {}, reason != FOLLOWS)


def _find_new(
    catalog: Catalog, task: str, release: Mapping[str, Any]
) -> dict[str, int]:
    """Sessions with something for a release of the task that are in its choice and not in it: their frames."""
    kind = find_kind(dataset_of(task))
    choice = read_choice(release["choice"])
    if kind.needs_labels:
        labels = catalog.read(
            "labels", ["session", "frame_id"], is_in("task", kind.label_tasks)
        )
    else:
        labels = catalog.read("frames", ["session", "frame_id"], "kind = 'color'")
    counts = labels.group_by("session").aggregate([("frame_id", "count_distinct")])
    return {
        row["session"]: row["frame_id_count_distinct"]
        for row in counts.sort_by("session").to_pylist()
        if row["session"] not in release["sessions"]
        and (
            not choice.sessions
            or any(fnmatchcase(row["session"], p) for p in choice.sessions)
        )
    }


def _list_verdicts(
    catalog: Catalog, trained: Sequence[str], asked: Asked
) -> Iterator[Line]:
    """Predictions and drift: of sessions without a verdict of the champions, and of all where these are others."""
    frames = catalog.read("frames", ["session"], "kind = 'color'")["session"]
    num_frames = {
        row["values"]: row["counts"] for row in frames.value_counts().to_pylist()
    }
    if asked.sessions is not None:
        num_frames = {s: n for s, n in num_frames.items() if s in asked.sessions}
    pending = sessions_to_judge(catalog) if asked.counts_home else {}
    watched = [task for task in trained if task in TASK_NAMES]
    for asset in ("monitoring/predictions", "monitoring/drift"):
        mine: dict[str, int | None] = {
            s: num_frames[s] for s in sorted(pending) if s in num_frames
        }
        total = sum(num_frames[s] for s in mine)
        if asset in asked.selected:
            yield Line(
                asset,
                SELECTED,
                "",
                "rows",
                sum(num_frames.values()),
                dict(num_frames),
                False,
            )
        elif mine:
            why = "no verdict of a champion yet"
            yield Line(asset, MISSING, why, "rows", total, mine, False)
        if watched and num_frames:
            why = f"if the new model of {', '.join(watched)} becomes champion"
            yield Line(
                asset,
                FOLLOWS,
                why,
                "rows",
                sum(num_frames.values()),
                dict(num_frames),
                False,
            )
