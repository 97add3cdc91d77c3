"""Where files lie: the landing zone that producers write, and the content-addressed blob store that we write."""

from assets.storage.announcements import announcing
from assets.storage.blobs import BlobStore, hash_stream
from assets.storage.folder import Fault, Folder, GoneFolder, NotAsListed, SessionFile
from assets.storage.names import (
    is_utf8,
    restore_name,
    session_key,
    store_name,
    unspelt_key,
)
from assets.storage.object_history import History, drop_history
from assets.storage.objects import drop_objects, put_object

__all__ = [
    "BlobStore",
    "Fault",
    "Folder",
    "GoneFolder",
    "History",
    "NotAsListed",
    "SessionFile",
    "announcing",
    "drop_history",
    "drop_objects",
    "hash_stream",
    "is_utf8",
    "put_object",
    "restore_name",
    "session_key",
    "store_name",
    "unspelt_key",
]
