"""Annotation as assets: labels as people and others gave them, version by version."""

from collections import Counter

import dagster as dg

from assets.annotation.agreement import update_agreements
from assets.foreign_text import for_markdown
from assets.label_versions import read_counting
from assets.materialize import result
from assets.tables.catalog import Catalog


@dg.asset(
    key=["annotation", "labels"],
    group_name="annotation",
    kinds={"lance"},
    deps=[["capture", "imported_labels"]],
)
def labels(catalog: dg.ResourceParam[Catalog]) -> dg.MaterializeResult:
    """Versions of labels: who said what of which frame, when, from which queue and under which guideline.

    Commands and the calls of a review page add them; here they are judged as a whole, and compared where two people
    answered the same frame. What people say takes the place of what label files do.
    """
    compared = update_agreements(catalog)
    counting = read_counting(catalog)
    by_kind = Counter(f"counting, by {v['author_kind']}" for v in counting)
    facts = {
        **by_kind,
        "pairs of annotators": compared.total,
        "agreement": dg.MetadataValue.md(_draw_agreements(catalog)),
    }
    key = ["annotation", "labels"]
    return result(catalog, "label_versions", key, None, facts)


def _draw_agreements(catalog: Catalog) -> str:
    """A table in Markdown."""
    rows = catalog.read_latest("label_agreements").to_pylist()
    if not rows:
        return "no two people answered one frame"
    lines = [
        "| task | annotators | frames | kappa | box IoU | mask IoU |",
        "|" + "---|" * 6,
    ]
    for row in rows:
        people = f"{for_markdown(row['author'])}, {for_markdown(row['other_author'])}"
        figures = [
            "" if row[name] is None else f"{row[name]:.2f}"
            for name in ("kappa", "box_iou", "mask_iou")
        ]
        cells = [row["task"], people, str(row["num_frames"]), *figures]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


defs = dg.Definitions(assets=[labels])
