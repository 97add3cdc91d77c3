"""What a trained model must be: its loss went down, its weights are finite, its package is the one named."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa

from checks.verdicts import Rule, Verdict, judge_share, nothing_checked

DIVERGED = 1.5  # times the first epoch's loss: a model that got this much worse is none


def loss_decreased(history: pa.Table) -> Verdict:
    """The training loss of the last epoch is below that of the first, where there are two. Blocks when it diverged."""
    name = "loss_decreased"
    losses = history["train_loss"].to_pylist()
    if not losses:
        return nothing_checked(name, "epochs")
    if not all(loss is not None and math.isfinite(loss) for loss in losses):
        return Verdict(
            name,
            False,
            True,
            f"the losses of {len(losses)} epochs are not all finite numbers",
            len(losses),
        )
    if len(losses) == 1:
        summary = f"one epoch, with a loss of {losses[0]:.4g}: there is none to compare it with"
        return Verdict(name, True, True, summary, 1, {"num_epochs": 1})
    first = losses[0]
    last = losses[-1]
    figures = {"first_loss": first, "last_loss": last, "num_epochs": len(losses)}
    summary = f"the loss went from {first:.4g} to {last:.4g} in {len(losses)} epochs"
    return Verdict(
        name, last < first, last > DIVERGED * first, summary, len(losses), figures
    )


def weights_are_finite(weights: pa.Table) -> Verdict:
    """No weight is NaN or infinite, and no tensor is empty."""
    rows = weights.to_pylist()
    bad = [
        f"{r['tensor']}: {r['num_not_finite']} of {r['num_values']} values are not finite"
        for r in rows
        if r["num_not_finite"] or not r["num_values"]
    ]
    return judge_share(
        "weights_are_finite",
        num_checked=len(rows),
        offenders=bad,
        of="tensors",
        fault="hold values that are no number",
        figures={"num_weights": sum(r["num_values"] for r in rows)},
    )


def package_is_the_one_named(models: pa.Table, package: pa.Table) -> Verdict:
    """The model's row and its package, whose bytes were hashed again, say the same."""
    columns = package.column_names
    stored = models.select(columns).to_pylist()
    found = package.to_pylist()
    differ = [
        f"{c}: {row[c]} in the table, {other[c]} in the package"
        for row, other in zip(stored, found, strict=True)
        for c in columns
        if row[c] != other[c]
    ]
    return judge_share(
        "package_is_the_one_named",
        num_checked=len(stored) * len(columns),
        offenders=differ,
        of="facts",
        fault="differ between the models table and the package",
    )


_FACTS = ("model_sha256", "task", "recipe", "release_id", "code_version", "seed")
MODEL_RULES = (
    Rule(package_is_the_one_named, {"models": _FACTS, "package": _FACTS}),
    Rule(loss_decreased, {"package history": ("train_loss",)}),
    Rule(
        weights_are_finite,
        {"package weights": ("tensor", "num_values", "num_not_finite")},
    ),
)


def read_facts(folder: Path) -> pa.Table:
    """One row: the columns of `models` as the package states them. Raises ValueError when its bytes have changed."""
    from assets.inference.package import open_package

    package = open_package(folder)
    row = {name: getattr(package.facts, name) for name in _FACTS[1:]}
    return pa.Table.from_pylist([{"model_sha256": package.model_sha256, **row}])


def read_history(folder: Path) -> pa.Table:
    """Columns epoch and train_loss, one row an epoch."""
    from assets.inference.package import open_package

    schema = pa.schema([("epoch", pa.int64()), ("train_loss", pa.float64())])
    return pa.Table.from_pylist(
        [dict(row) for row in open_package(folder).facts.history], schema=schema
    )


def read_weights(folder: Path) -> pa.Table:
    """Per tensor of the package: its name, the number of values, and of those that are not finite."""
    from safetensors.numpy import load_file

    schema = pa.schema(
        [
            ("tensor", pa.string()),
            ("num_values", pa.int64()),
            ("num_not_finite", pa.int64()),
        ]
    )
    tensors = load_file(folder / "model.safetensors")
    rows = [
        {
            "tensor": name,
            "num_values": values.size,
            "num_not_finite": int(np.count_nonzero(~np.isfinite(values))),
        }
        for name, values in tensors.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)
