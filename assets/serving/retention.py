"""How long what was sampled of requests stays: each row says so itself, and whoever comes by removes what is over."""

from __future__ import annotations

import time

from assets.tables.catalog import Catalog

TABLE = "requests"


def drop_expired(catalog: Catalog, now_ns: int | None = None) -> int:
    """Remove the rows whose time is over, and return how many. `now_ns`: UTC; None: that of the clock.

    Their bytes go with the old versions of the table, as `daguerre maintain` removes them.
    """
    if not catalog.exists(TABLE):
        return 0
    now_ns = time.time_ns() if now_ns is None else now_ns
    where = f"keep_until_ns < {now_ns}"
    count: int = catalog.dataset(TABLE).count_rows(where)
    if count:
        catalog.delete(TABLE, where)
    return count
