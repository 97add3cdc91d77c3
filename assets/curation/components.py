"""Connected components of a graph whose edges come in parts, so that an edge inside one need not be looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]


class Components:
    """The components of `count` nodes, numbered from 0; each is named by one of its nodes, its root."""

    def __init__(self, count: int) -> None:
        self._above = np.arange(count)

    def find(self, nodes: Nodes) -> Nodes:
        """(N,) the roots of the components that `nodes` (N,) are in now."""
        roots = self._above[nodes]
        while not np.array_equal(above := self._above[roots], roots):
            roots = above
        self._above[nodes] = roots  # a short way next time
        return roots

    def join(self, rows: Nodes, columns: Nodes) -> None:
        """Add the edges (rows[n], columns[n])."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        rows = self.find(rows)
        columns = self.find(columns)
        is_apart = rows != columns
        if not is_apart.any():
            return
        ends = np.stack([rows[is_apart], columns[is_apart]])
        roots, places = np.unique(ends, return_inverse=True)
        count = len(roots)
        row, column = places.reshape(ends.shape)
        edges = coo_array((np.ones(len(row)), (row, column)), (count, count))
        _, component = connected_components(edges, directed=False)
        # components are numbered from 0 without gaps
        _, first = np.unique(component, return_index=True)
        self._above[roots] = roots[first][component]
