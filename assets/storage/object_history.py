"""What a bucket with versioning keeps of objects that were deleted or replaced: found, and removed for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from assets.storage.folder import Folder
from assets.storage.retries import retry

_PAGE_VERSIONS = 1000  # S3 lists and deletes no more at once
_MAY = "s3:ListBucketVersions and s3:DeleteObjectVersion"
IsMeant = Callable[[str], bool]


@dataclass
class History:
    """How many older versions went, and the keys of those that the store keeps, with its last reason."""

    uri: str
    num_removed: int = 0
    kept: set[str] = field(default_factory=set)
    reason: str = ""

    @property
    def remedy(self) -> str:
        """What a person has to do; "" where nothing is left."""
        if not self.reason:
            return ""
        left = f"of {len(self.kept)} objects " if self.kept else ""
        return (
            f"older versions {left}below {self.uri} may stay ({self.reason}): let a rule of the bucket expire them, or "
            f"give the key {_MAY} and erase something again"
        )


def drop_history(folder: Folder, is_meant: IsMeant = lambda _: True) -> History:
    """Remove the older versions of objects below a prefix, those of which `is_meant` holds by the path below it.

    The newest version of an object stays, unless it only says that the object was deleted. Such a mark goes last, and
    not at all where the store keeps a version behind it, which would be the object then.
    """
    history = History(folder.uri)
    if folder.is_local:
        return history
    if not hasattr(folder.fs, "call_s3"):
        history.reason = "this kind of store does not say whether it has some"
        return history
    try:
        for kind in ("Versions", "DeleteMarkers"):
            for page in _list_pages(folder):
                _drop(folder, _find_old(folder, page, kind, is_meant), history)
    except (OSError, NotImplementedError) as error:
        history.reason = f"they cannot be listed or removed: {error}"
    return history


def _list_pages(folder: Folder) -> Iterator[dict[str, Any]]:
    """Each is listed before the one ahead of it is worked on: a version that is gone is no place to go on from."""
    page: dict[str, Any] | None = _ask_page(folder, {})
    while page:
        place = {
            name: page[f"Next{name}"]
            for name in ("KeyMarker", "VersionIdMarker")
            if page.get(f"Next{name}")
        }
        following = _ask_page(folder, place) if page.get("IsTruncated") else None
        yield page
        page = following


def _ask_page(folder: Folder, place: dict[str, str]) -> dict[str, Any]:
    bucket, prefix = _split(folder)
    found: dict[str, Any] = retry(
        lambda: folder.fs.call_s3(
            "list_object_versions",
            Bucket=bucket,
            Prefix=prefix,
            MaxKeys=_PAGE_VERSIONS,
            **place,
        )
    )
    return found


def _find_old(
    folder: Folder, page: dict[str, Any], kind: str, is_meant: IsMeant
) -> Iterator[tuple[str, str]]:
    """Key and version of what is not the object as it is."""
    _, prefix = _split(folder)
    for one in page.get(kind, ()):
        is_object = kind == "Versions" and one["IsLatest"]
        if not is_object and is_meant(one["Key"].removeprefix(prefix)):
            yield one["Key"], one["VersionId"]


def _drop(
    folder: Folder, versions: Iterator[tuple[str, str]], history: History
) -> None:
    bucket, _ = _split(folder)
    wanted = [
        {"Key": key, "VersionId": version}
        for key, version in versions
        if key not in history.kept
    ]
    if not wanted:
        return
    done = retry(
        lambda: folder.fs.call_s3(
            "delete_objects", Bucket=bucket, Delete={"Objects": wanted, "Quiet": True}
        )
    )
    refused = done.get("Errors", [])
    history.num_removed += len(wanted) - len(refused)
    for one in refused:
        history.kept.add(one["Key"])
        history.reason = str(one.get("Code") or one.get("Message"))


def _split(folder: Folder) -> tuple[str, str]:
    """The bucket, and the prefix of what lies below the folder."""
    bucket, _, prefix = folder._root.partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""
