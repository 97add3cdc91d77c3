"""The home with one of everything, and with a registry, that the retrieval's tests have, too."""

from tests.assets.retrieval.conftest import built, open_stores, promoted

__all__ = ["built", "open_stores", "promoted"]
