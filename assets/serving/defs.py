"""Serving as an asset: the requests that servers sampled, with figures by model; what is over is removed."""

import dagster as dg

from assets.materialize import result
from assets.tables.catalog import Catalog


@dg.asset(key=["serving", "requests"], group_name="serving", kinds={"lance"})
def requests(catalog: dg.ResourceParam[Catalog]) -> dg.MaterializeResult:
    """What servers sampled: which model answered how often, and how long it took. Servers write the rows themselves."""
    from assets.serving.retention import drop_expired
    from assets.serving.told import count_by_model

    dropped = drop_expired(catalog)
    facts = count_by_model(catalog) | {"rows whose time was over": dropped}
    return result(catalog, "requests", ["serving", "requests"], metadata=facts)


defs = dg.Definitions(assets=[requests])
