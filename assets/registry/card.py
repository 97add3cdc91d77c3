"""The model card: what a reader must know before using a model, filled from stored facts alone.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting". What was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.cards import (
    NOT_MEASURED,
    Block,
    Bullets,
    Card,
    Grid,
    Section,
    draw_block,
    tabulate,
)
from assets.choice import read_choice
from assets.inference.package import ModelPackage
from assets.registry.lineage import Lineage
from assets.registry.verdict import Decision, Evaluation
from assets.tables.missed_classes import tell_missed
from assets.terms.carded import list_terms

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
LEFT_TO_PEOPLE = "What it may be used for, and by whom, is for a person to say: no fact of the home tells."


@dataclass(frozen=True)
class CardFacts:
    """What the card is filled from."""

    package: ModelPackage
    lineage: Lineage
    evaluation: Evaluation | None
    decision: Decision | None
    version: int | None  # None: not registered
    terms: tuple[Mapping[str, Any], ...] = ()  # rows of `release_terms`


def build_card(facts: CardFacts) -> Card:
    """The card as a value."""
    release = facts.lineage.release
    sections = (
        Section("Model details", (_details(facts),)),
        Section("Intended use", (_list_uses(facts),)),
        Section("Factors and metrics", (_metrics(facts.evaluation),)),
        Section("Evaluation data", _evaluation_data(facts.evaluation)),
        Section("Training data", (_training_data(release),)),
        Section("Licences and purposes", list_terms(facts.terms)),
        Section("Quantitative analyses", _slices(facts.evaluation)),
        Section(
            "Ethical considerations, caveats and recommendations", (Bullets(LIMITS),)
        ),
        Section("Release decision", _decision(facts.decision)),
    )
    version = "no version" if facts.version is None else f"version {facts.version}"
    return Card(f"daguerre-{facts.package.task}, {version}", sections)


def render_card(facts: CardFacts) -> str:
    """The card as Markdown; the same facts give the same text."""
    return build_card(facts).to_markdown()


def list_rules(decision: Decision) -> str:
    """A table of every rule of the gate with its outcome and figures, as Markdown."""
    return draw_block(_tabulate_rules(decision))


def _details(facts: CardFacts) -> Grid:
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
    return tabulate(("fact", "value"), rows.items())


def _list_uses(facts: CardFacts) -> Bullets:
    task = facts.package.task
    names = list(facts.package.facts.class_names)
    classes = f"Classes ({len(names)}): {', '.join(names)}"
    return Bullets((USES.get(task, task), classes, LEFT_TO_PEOPLE))


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


def _metrics(evaluation: Evaluation | None) -> Block:
    if evaluation is None:
        return "Not measured: no evaluation on the test split is stored."
    rows = [(name, value) for name, value in sorted(evaluation.metrics.items())]
    return tabulate(("metric, whole test split", "value"), rows)


def _evaluation_data(evaluation: Evaluation | None) -> tuple[Block, ...]:
    if evaluation is None:
        return ("None.",)
    what = f"release {evaluation.release_id}, {evaluation.num_samples} samples"
    told = f"Test split of {what}, from recordings and pictures not trained on."
    if not evaluation.weaknesses:
        return (told,)
    return told, "What it cannot tell:", Bullets(tuple(evaluation.weaknesses))


def _training_data(release: Mapping[str, Any]) -> Grid:
    rows = [
        ("release", release["release_id"]),
        ("content sha256", release["content_sha256"]),
        ("frames, all splits", release["num_frames"]),
        ("labels, all splits", release["num_labels"]),
        ("sessions", ", ".join(release["sessions"])),
        ("chosen", read_choice(release.get("choice")).summary),
    ]
    return tabulate(("fact", "value"), rows)


def _slices(evaluation: Evaluation | None) -> tuple[Block, ...]:
    if evaluation is None or not evaluation.slices:
        return ("No slice was measured.",)
    rows = [
        (
            f"{by} = {value}",
            evaluation.slice_samples.get((by, value), 0),
            ", ".join(f"{k} {_figure(v)}" for k, v in sorted(metrics.items())),
        )
        for (by, value), metrics in sorted(evaluation.slices.items())
    ]
    table = tabulate(("slice", "samples", "figures"), rows)
    missed = tell_missed(evaluation.missed)
    return (f"Warning: {missed}.", table) if missed else (table,)


def _decision(decision: Decision | None) -> tuple[Block, ...]:
    if decision is None:
        return ("Not judged yet.",)
    verdict = "Promoted to champion." if decision.is_promoted else "Not promoted."
    if decision.waits_for_person:
        verdict = "Not promoted: it waits for a person."
    return verdict, _tabulate_rules(decision)


def _tabulate_rules(decision: Decision) -> Grid:
    rows = [
        (r.claim, "holds" if r.is_passed else "FAILS", r.detail)
        for r in decision.results
    ]
    return tabulate(("rule", "outcome", "figures"), rows)


def _figure(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.4f}"
