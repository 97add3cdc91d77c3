"""Reports and charts by name, where all who work with a home find them: in the home, or beside the blobs in a store.

What is put there replaces what had the name; a reader finds the whole old or the whole new one.
"""

from __future__ import annotations

from typing import Any

from assets.storage import Folder, put_object


class Pages:
    """A folder or bucket prefix. `options` go to fsspec."""

    def __init__(self, uri: str, options: dict[str, Any] | None = None) -> None:
        self._folder = Folder(uri, options)

    def locate(self, name: str) -> str:
        """The address of a page, or of what lies below a name."""
        return f"{self._folder.uri}/{name}"

    def put(self, name: str, content: bytes) -> str:
        """Write a page; its address."""
        put_object(self._folder, name, content)
        return self.locate(name)

    def read_below(self, name: str) -> dict[str, bytes]:
        """The pages directly below a name, by the last part of theirs; none where there is nothing."""
        folder = Folder(self.locate(name), self._folder.options)
        if not folder.exists():
            return {}
        found = {}
        for file in folder.files():
            with folder.open(file) as stream:
                found[file.path] = stream.read()
        return found
