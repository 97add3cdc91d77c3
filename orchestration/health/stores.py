"""Try a folder or a bucket: write, read, delete under a name of its own, and let racers write one name once."""

import importlib.util
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from assets.addresses import hide
from orchestration.health.finding import Finding, tell_error
from orchestration.profiles import Settings

RACERS = 8
ARTIFACTS = "MLflow artifacts"
_RACE = "write once among racers"
_ANSWER_S = 10
# HTTP: another write on the same condition goes on; the condition does not hold
_TAKEN = (409, 412)
_CONTENT = b"written by daguerre status --health"
_KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the profile"
_REMEDIES = {
    "NoSuchBucket": "make the bucket, or name another one",
    "(404)": "make the bucket, or name another one",
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "Unable to locate credentials": _KEYS,
    "AccessDenied": "grant this user list, get, put and delete there",
    "Forbidden": f"grant this user list, get, put and delete there, or {_KEYS}",
    "NotImplemented": "use a store that knows conditional writes (If-None-Match)",
}
_NO_STORE = "check the address (DAGUERRE_S3_ENDPOINT where it is not AWS) and that the store runs"
_NO_RACE = "use a store that knows conditional writes (If-None-Match): with this one, writers that race lose rows"


class _Place(Protocol):
    """What is tried, by a name below it."""

    def list(self) -> None: ...
    def write(self, name: str) -> None: ...
    def read(self, name: str) -> bytes: ...
    def remove(self, name: str) -> None: ...
    def create(self, name: str) -> bool:
        """Write where nothing is; False where something was."""
        ...


_Step = Callable[[_Place, str], None]


def try_landing(settings: Settings) -> Finding:
    """It is the producers' own: nothing is written there."""
    uri = settings.landing_uri
    if "://" not in uri and not Path(uri).exists():
        return try_folder("landing zone", Path(uri).parent, uri)
    return _report("landing zone", uri, _open(uri, settings), {"list": _list})


def try_store(
    name: str,
    uri: str,
    settings: Settings,
    races: bool = False,
    is_brief: bool = False,
) -> Finding:
    """What may be done in a folder or a bucket; with `races`, also whether a write on a condition succeeds once.

    `is_brief`: only whether it answers.
    """
    if "://" not in uri:
        return try_folder(name, Path(uri), uri)
    if name == ARTIFACTS and (lacking := _find_lacking(uri, settings)):
        return lacking
    steps = {"list": _list} if is_brief else _STEPS | ({_RACE: _race} if races else {})
    return _report(name, uri, _Bucket(uri, settings), steps)


def try_folder(name: str, folder: Path, shown: str) -> Finding:
    """What may be done in a folder, or in the nearest one above it that is there."""
    at = next(path for path in (folder, *folder.parents) if path.exists())
    return _report(name, shown, _Local(at), {**_STEPS, _RACE: _race})


def _report(name: str, uri: str, place: _Place, steps: Mapping[str, _Step]) -> Finding:
    may: list[str] = []
    key = f".daguerre-health-{uuid.uuid4().hex}.part"
    try:
        for verb, step in steps.items():
            try:
                step(place, key)
            except Exception as error:
                lacks = f"may not {verb}: {tell_error(error)}"
                return Finding(name, uri, tuple(may), lacks, _choose_remedy(error))
            may.append(verb)
    finally:
        if "write" in steps:
            with suppress(Exception):
                place.remove(key)
    return Finding(name, uri, tuple(may))


def _list(place: _Place, key: str) -> None:
    place.list()


def _write(place: _Place, key: str) -> None:
    place.write(key)


def _read(place: _Place, key: str) -> None:
    if place.read(key) != _CONTENT:
        raise OSError("what was written there is not what is read")


def _delete(place: _Place, key: str) -> None:
    place.remove(key)


def _race(place: _Place, key: str) -> None:
    """Raises _NoRace where other than one of the racers is told that it wrote."""
    start = threading.Barrier(RACERS)

    def run(_: int) -> bool:
        start.wait()
        return place.create(key)

    with ThreadPoolExecutor(RACERS) as pool:
        num_written = sum(pool.map(run, range(RACERS)))
    if num_written != 1:
        raise _NoRace(f"{num_written} of {RACERS} racers wrote the same name")


_STEPS: dict[str, _Step] = {
    "list": _list,
    "write": _write,
    "read": _read,
    "delete": _delete,
}


class _NoRace(OSError):
    """A store lets more than one writer, or none, create one name."""


class _Local:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> None:
        os.listdir(self._folder)

    def write(self, name: str) -> None:
        (self._folder / name).write_bytes(_CONTENT)

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()

    def create(self, name: str) -> bool:
        try:
            with (self._folder / name).open("xb") as file:
                file.write(_CONTENT)
        except FileExistsError:
            return False
        return True


class _Bucket:
    """A prefix, by a client that gives up soon."""

    def __init__(self, uri: str, settings: Settings) -> None:
        from s3fs import S3FileSystem

        self._at = uri.partition("://")[2].rstrip("/")
        self._fs = S3FileSystem(
            **settings.file_options,
            config_kwargs={
                "connect_timeout": _ANSWER_S,
                "read_timeout": _ANSWER_S,
                "retries": {"max_attempts": 0},
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._fs.retries = 1

    def list(self) -> None:
        bucket, _, prefix = self._at.partition("/")
        self._fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)

    def write(self, name: str) -> None:
        self._fs.pipe_file(f"{self._at}/{name}", _CONTENT)

    def read(self, name: str) -> bytes:
        return bytes(self._fs.cat_file(f"{self._at}/{name}"))

    def remove(self, name: str) -> None:
        self._fs.rm_file(f"{self._at}/{name}")

    def create(self, name: str) -> bool:
        try:
            self._fs.pipe_file(f"{self._at}/{name}", _CONTENT, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            if _says_taken(error):
                return False
            raise
        return True


def _says_taken(error: BaseException | None) -> bool:
    """Whether a store said to a writer that another was first: s3fs makes other errors of it, by its own table."""
    while error is not None:
        answer = getattr(error, "response", None) or {}
        if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in _TAKEN:
            return True
        error = error.__cause__ or error.__context__
    return False


def _open(uri: str, settings: Settings) -> _Place:
    return _Bucket(uri, settings) if "://" in uri else _Local(Path(uri))


def _find_lacking(uri: str, settings: Settings) -> Finding | None:
    """What MLflow's own client of a bucket lacks."""
    if importlib.util.find_spec("boto3") is None:
        return Finding(
            ARTIFACTS,
            uri,
            (),
            "boto3 is not installed",
            "pip install -r requirements.lock",
        )
    theirs = os.environ.get("MLFLOW_S3_ENDPOINT_URL")
    if settings.s3_endpoint and theirs != settings.s3_endpoint:
        return Finding(
            ARTIFACTS,
            uri,
            (),
            f"MLflow looks for it at {hide(theirs or 'AWS')}",
            'set MLFLOW_S3_ENDPOINT_URL="$DAGUERRE_S3_ENDPOINT"',
        )
    return None


def _choose_remedy(error: Exception) -> str:
    if isinstance(error, _NoRace):
        return _NO_RACE
    told = f"{error} {error.__cause__ or ''}"
    found = next((r for word, r in _REMEDIES.items() if word in told), None)
    if found:
        return found
    if isinstance(error, PermissionError):
        return "grant this user the right to write there, or name another place"
    if isinstance(error, FileNotFoundError):
        return "make it, or name another place"
    return _NO_STORE
