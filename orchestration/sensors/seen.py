"""What a sensor has looked at: the versions of tables, as its cursor keeps them."""

import json
from collections.abc import Iterable

from assets.tables.catalog import Catalog


def read_versions(catalog: Catalog, tables: Iterable[str]) -> str:
    """JSON of the newest version of each table, published or not; 0 of one that is not there."""
    return json.dumps(
        {
            name: catalog.open_stored(name).version if catalog.exists(name) else 0
            for name in tables
        }
    )
