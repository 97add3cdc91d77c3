"""Maintenance as an asset: the home in order, with the figures of what was done."""

from typing import Any

import dagster as dg

from assets.foreign_text import for_markdown
from assets.maintenance.home import Stores


@dg.asset(key=["maintenance", "home"], group_name="maintenance", kinds={"lance"})
def home(
    context: dg.AssetExecutionContext, stores: dg.ResourceParam[Stores]
) -> dg.MaterializeResult:
    """Tables merged and their old versions dropped, and what no row names removed, within the retention."""
    from assets.maintenance.home import maintain
    from assets.materialize import progress_to

    care = maintain(stores, on_table=progress_to(context.log, "tables"))
    facts: dict[str, Any] = {**care.figures, "keep_days": care.keep_days}
    for told, lines in (("failures", care.failed), ("not looked at", care.kept)):
        if lines:
            text = "\n".join(f"- {for_markdown(line)}" for line in lines)
            facts[told] = dg.MetadataValue.md(text)
    return dg.MaterializeResult(metadata=facts)


defs = dg.Definitions(assets=[home])
