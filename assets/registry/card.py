"""The model card: what a reader must know before using a model, filled from stored facts alone.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting". What was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.choice import read_choice
from assets.foreign_text import for_markdown
from assets.inference.package import ModelPackage
from assets.registry.lineage import Lineage
from assets.registry.verdict import Decision, Evaluation
from assets.tables.missed_classes import tell_missed

USES = {
    "recognition": "Names the one class of an image, from a fixed list.",
    "detection": "Finds the objects of a fixed list of classes in an image, as boxes in pixels.",
    "segmentation": "Names the class of every pixel of an image, from a fixed list.",
    "multilabel": "Names every class of a fixed list that an image shows.",
    "instances": "Finds the objects of a fixed list of classes in an image: boxes, and the pixels of each object.",
    "pretraining": "Gives the features of an image, for other models to start from and to compare images by.",
}
LIMITS = (
    "Knows the classes listed above and no other: an object of another kind is given one of these names or missed.",
    "Was tested on recordings like those it was trained on; the drift check says when new ones are not.",
    "Scores say how often such answers were right on the validation split; on other data see the figures above.",
    "Not for decisions about people, and not where a miss can hurt somebody without another safeguard.",
)


@dataclass(frozen=True)
class CardFacts:
    """What the card is filled from."""

    package: ModelPackage
    lineage: Lineage
    evaluation: Evaluation | None
    decision: Decision | None
    version: int
    terms: tuple[Mapping[str, Any], ...] = ()  # rows of `release_terms`


def render_card(facts: CardFacts) -> str:
    """The card as Markdown; the same facts give the same text."""
    sections = (
        ("Model details", _details(facts)),
        (
            "Intended use",
            _list((USES.get(facts.package.task, facts.package.task), _classes(facts))),
        ),
        ("Factors and metrics", _metrics(facts.evaluation)),
        ("Evaluation data", _evaluation_data(facts.evaluation)),
        ("Training data", _training_data(facts.lineage.release)),
        ("Licences and purposes", _terms(facts.terms)),
        ("Quantitative analyses", _slices(facts.evaluation)),
        ("Ethical considerations, caveats and recommendations", _list(LIMITS)),
        ("Release decision", _decision(facts.decision)),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# daguerre-{facts.package.task}, version {facts.version}\n\n{body}\n"


def list_rules(decision: Decision) -> str:
    """A table of every rule of the gate with its outcome and figures, as Markdown."""
    rows = [
        (r.claim, "holds" if r.is_passed else "FAILS", r.detail)
        for r in decision.results
    ]
    return _table(("rule", "outcome", "figures"), rows)


def _details(facts: CardFacts) -> str:
    package = facts.package
    rows = {
        "recipe": package.facts.recipe,
        "seed": package.facts.seed,
        "epochs": len(package.facts.history),
        "code version": package.facts.code_version,
        "training run": facts.lineage.model["run_id"],
        "starts from": _origin(package.facts.starts_from),
        "calibration error, validation split": _calibration(package.facts.history),
        **{
            f"sha256 of {name}": sha256
            for name, sha256 in sorted(package.hashes.items())
        },
    }
    return _table(("fact", "value"), list(rows.items()))


def _origin(start: Mapping[str, str] | None) -> str:
    return (
        f"{start['origin']}, sha256 {start['sha256']}"
        if start
        else "no weights that were learnt before"
    )


def _calibration(history: Sequence[Mapping[str, Any]]) -> str:
    """Before and after the net was made as sure as it is right."""
    kept = next((row for row in history if row.get("is_kept")), {})
    if "ece_before" not in kept:
        return "not measured: scores are as the net gives them"
    return f"{_figure(kept['ece_before'])} before, {_figure(kept['ece_after'])} after"


def _classes(facts: CardFacts) -> str:
    names = list(facts.package.facts.class_names)
    return f"Classes ({len(names)}): {', '.join(map(for_markdown, names))}"


def _metrics(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "Not measured: no evaluation on the test split is stored."
    rows = [
        (name, _figure(value)) for name, value in sorted(evaluation.metrics.items())
    ]
    return _table(("metric, whole test split", "value"), rows)


def _evaluation_data(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "None."
    what = f"release `{evaluation.release_id}`, {evaluation.num_samples} samples"
    told = f"Test split of {what}, from recordings and pictures not trained on."
    if not evaluation.weaknesses:
        return told
    warning = "What it cannot tell:"
    weaknesses = _list(tuple(map(for_markdown, evaluation.weaknesses)))
    return f"{told}\n\n{warning}\n\n{weaknesses}"


def _training_data(release: Mapping[str, Any]) -> str:
    rows = [
        ("release", release["release_id"]),
        ("content sha256", release["content_sha256"]),
        ("frames, all splits", release["num_frames"]),
        ("labels, all splits", release["num_labels"]),
        ("sessions", ", ".join(release["sessions"])),
        ("chosen", read_choice(release.get("choice")).summary),
    ]
    return _table(("fact", "value"), rows)


def _terms(terms: Sequence[Mapping[str, Any]]) -> str:
    """Under which terms the frames of the release are, as they were when it was made."""
    if not terms:
        return "Not known: the release was made before terms were kept."
    rows = [
        (
            "/".join(filter(None, (row["session"], row["path"]))),
            row["num_frames"],
            row["licence"] or "not stated",
            ", ".join(row["purposes"] or ()) or "not stated",
            row["until_day"] or "no end is stated",
        )
        for row in terms
    ]
    each = [set(row["purposes"] or ()) for row in terms]
    purposes = ", ".join(sorted(set.intersection(*each))) or "nothing that all allow"
    table = _table(("session", "frames", "licence", "purposes", "until"), rows)
    return f"All of it may be used for: {for_markdown(purposes)}.\n\n{table}"


def _slices(evaluation: Evaluation | None) -> str:
    if evaluation is None or not evaluation.slices:
        return "No slice was measured."
    rows = [
        (
            f"{by} = {value}",
            evaluation.slice_samples.get((by, value), 0),
            ", ".join(f"{k} {_figure(v)}" for k, v in sorted(metrics.items())),
        )
        for (by, value), metrics in sorted(evaluation.slices.items())
    ]
    table = _table(("slice", "samples", "figures"), rows)
    missed = for_markdown(tell_missed(evaluation.missed))
    return f"Warning: {missed}.\n\n{table}" if missed else table


def _decision(decision: Decision | None) -> str:
    if decision is None:
        return "Not judged yet."
    verdict = "Promoted to champion." if decision.is_promoted else "Not promoted."
    if decision.waits_for_person:
        verdict = "Not promoted: it waits for a person."
    return f"{verdict}\n\n{list_rules(decision)}"


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [list(map(for_markdown, row)) for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
