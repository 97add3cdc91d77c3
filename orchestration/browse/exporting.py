"""Labels and releases for who has no shell: an archive of what `daguerre export` writes, by the same code.

Belongs here: what a request may say, and in whose name something leaves. Does not: what is written, which has no
private column for any role, and how it is packed (`orchestration.browse.archive`).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from assets.audit import Act, note
from assets.retrieval.frame_export import Sampling
from assets.retrieval.label_export import export_labels, read_spoken
from assets.retrieval.label_files import choose_form
from assets.retrieval.release_export import export_release
from assets.tables.catalog import Catalog
from assets.tables.ids import complete_id
from assets.terms.ending import list_ended
from models.task_names import TASK_NAMES
from orchestration.browse.answers import Refused
from orchestration.browse.archive import MOST_BYTES, Archive, Bound, TooLarge, pack
from orchestration.browse.writing import WriteRefused, parse_body
from orchestration.leaving import leave, list_released, list_sessions
from orchestration.profiles import Settings
from orchestration.resources import build_catalog
from orchestration.roles.rights import Person

_STRICT = ConfigDict(extra="forbid", strict=True)
_FACTS = "README-export.json"  # intake takes it for a document
_ASK_FOR_LESS = (
    "ask for fewer sessions, or let who runs this home do it by `daguerre export`"
)
_Session = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?][a-z0-9_*?-]{0,63}$")]
_Form = Literal["coco", "cvat", "yolo", "label-studio", "masks"]


class LabelsAsked(BaseModel):
    """The labels of one task that stand now; of no sessions, of all."""

    model_config = _STRICT
    task: Literal[TASK_NAMES] | None = None  # type: ignore[valid-type]
    sessions: list[_Session] = Field(default_factory=list, max_length=1000)
    format: _Form | None = None


class ReleaseAsked(BaseModel):
    """One release, by its id or a beginning of it."""

    model_config = _STRICT
    release: str = Field(pattern="^[0-9a-f]{6,32}$")
    format: _Form | None = None


@dataclass(frozen=True)
class _Leaving:
    """What an archive holds, for the record of what left."""

    what: str
    name: str
    sessions: Sequence[str]
    num_frames: int
    facts: dict[str, Any]
    release_id: str | None = None


_Write = Callable[[Path, Callable[[int, int], None]], _Leaving]


@dataclass(frozen=True)
class Exporting:
    """Archives in the name of who asks, one after the other."""

    settings: Settings
    most_bytes: int = MOST_BYTES
    _busy: Lock = field(default_factory=Lock, compare=False)

    def pack_labels(self, person: Person, body: bytes) -> Archive:
        """Raises WriteRefused, Refused for what is too large, and ValueError as the verb does."""
        asked = parse_body(LabelsAsked, body)
        catalog = build_catalog(self.settings)

        def write(folder: Path, tick: Callable[[int, int], None]) -> _Leaving:
            sampling = Sampling(tuple(asked.sessions))
            spoken = read_spoken(catalog, sampling, asked.task)
            form = choose_form(asked.format, spoken.task)
            written = export_labels(catalog, spoken, folder, form, False, tick)
            what, name = f"labels of {spoken.task} as {form}", f"labels-{spoken.task}"
            of = list_sessions(spoken.frames), len(spoken.frames)
            return _Leaving(what, name, *of, _tell(written.counts, written.left_out))

        return self._pack(person, catalog, write)

    def pack_release(self, person: Person, body: bytes) -> Archive:
        """Raises as `pack_labels`."""
        asked = parse_body(ReleaseAsked, body)
        catalog = build_catalog(self.settings)
        release_id = complete_id(catalog, "releases", asked.release)

        def write(folder: Path, tick: Callable[[int, int], None]) -> _Leaving:
            facts = export_release(
                catalog, release_id, folder, asked.format, False, tick
            )
            num_frames = sum(of["images"] for of in facts["counts"].values())
            of = list_released(catalog, release_id), num_frames
            told = _tell(facts["counts"], facts["not_written"])
            return _Leaving("release", f"release-{release_id[:12]}", *of, told, release_id)  # fmt: skip

        return self._pack(person, catalog, write)

    def _pack(self, person: Person, catalog: Catalog, write: _Write) -> Archive:
        """The record of what left is written before the first byte goes, and again when all have."""
        with (
            self._being_alone(),
            tempfile.TemporaryDirectory() as place,
            ExitStack() as leaving,
        ):
            folder = Path(place) / "export"
            one = self._write(write, folder)
            facts = {**one.facts, "warnings": list_ended(catalog, one.sessions)}
            (folder / _FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
            stream = pack(folder, leaving)
            note(self.settings.home, Act("export", person.name, one.what))
            leaving.enter_context(_note_leaving(catalog, person, one))
            return Archive(f"{one.name}.zip", stream, leaving.pop_all())

    def _write(self, write: _Write, folder: Path) -> _Leaving:
        try:
            return write(folder, Bound(folder.parent, self.most_bytes).look)
        except TooLarge as error:
            raise Refused(413, str(error), _ASK_FOR_LESS) from error

    @contextmanager
    def _being_alone(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise WriteRefused("another export is being made: wait for its end")
        try:
            yield
        finally:
            self._busy.release()


def _note_leaving(catalog: Catalog, person: Person, one: _Leaving) -> Any:
    place = f"through the browser, to {person.name}"
    of = (one.sessions, one.num_frames, one.release_id)
    return leave(catalog, one.what, place, *of, sent_by=person.name)


def _tell(counts: Any, not_written: Any) -> dict[str, Any]:
    """What is in an archive, and what of the labels its form cannot hold."""
    return {"counts": dict(counts), "not_written": dict(+Counter(not_written))}
