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
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from assets.audit import Act, note
from assets.retrieval.frame_export import OnPicture, Sampling, estimate_bytes
from assets.retrieval.label_export import export_labels, read_spoken
from assets.retrieval.label_files import choose_form
from assets.retrieval.release_export import (
    choose_release_form,
    export_release,
    list_frames,
)
from assets.tables.catalog import Catalog
from assets.tables.ids import complete_id
from assets.tables.releases import open_release
from assets.terms.ending import list_ended
from models.task_names import TASK_NAMES
from orchestration.browse.answers import Refused
from orchestration.browse.archive import Archive, Bound, TooLarge, pack
from orchestration.browse.writing import WriteRefused, parse_body
from orchestration.leaving import leave, list_released, list_sessions
from orchestration.profiles import Settings
from orchestration.resources import build_catalog
from orchestration.roles.rights import Person

FORMS = ("coco", "cvat", "yolo", "label-studio", "masks")
_FACTS = "README-export.json"  # intake takes it for a document
_ASK_FOR_LESS = (
    "ask for fewer sessions, or let who runs this home do it by `daguerre export`"
)
_Session = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?][a-z0-9_*?-]{0,63}$")]


class _Asked(BaseModel):
    """`dry_run` says how much it would be, and nothing leaves."""

    model_config = ConfigDict(extra="forbid", strict=True)
    format: Literal[FORMS] | None = None  # type: ignore[valid-type]
    dry_run: bool = False


class LabelsAsked(_Asked):
    """The labels of one task that stand now; of no sessions, of all."""

    task: Literal[TASK_NAMES] | None = None  # type: ignore[valid-type]
    sessions: list[_Session] = Field(default_factory=list, max_length=1000)


class ReleaseAsked(_Asked):
    """One release, by its id or a beginning of it."""

    release: str = Field(pattern="^[0-9a-f]{6,32}$")


@dataclass(frozen=True)
class _Chosen:
    """What is asked for, before any of it is written. `estimate` says about how many bytes its pictures are, `write`
    what was written, and what of the labels its form cannot hold."""

    what: str
    name: str
    sessions: Sequence[str]
    num_frames: int
    estimate: Callable[[], int]
    write: Callable[[Path, OnPicture], dict[str, Any]]
    release_id: str | None = None


@dataclass(frozen=True)
class Exporting:
    """Archives in the name of who asks, one after the other."""

    settings: Settings
    bound: Bound = field(default_factory=Bound)
    _busy: Lock = field(default_factory=Lock, compare=False)

    def labels(self, person: Person, body: bytes) -> Archive | dict[str, Any]:
        """Raises WriteRefused, Refused for what is too large, and ValueError as the verb does."""
        asked = parse_body(LabelsAsked, body)
        catalog = build_catalog(self.settings)
        spoken = read_spoken(catalog, Sampling(tuple(asked.sessions)), asked.task)
        form = choose_form(asked.format, spoken.task)

        def write(folder: Path, on_picture: OnPicture) -> dict[str, Any]:
            written = export_labels(catalog, spoken, folder, form, False, on_picture)
            return _tell(written.counts, written.left_out)

        what, name = f"labels of {spoken.task} as {form}", f"labels-{spoken.task}"
        of = list_sessions(spoken.frames), len(spoken.frames)
        estimate = partial(estimate_bytes, catalog, spoken.frames)
        return self._answer(person, asked, _Chosen(what, name, *of, estimate, write))

    def release(self, person: Person, body: bytes) -> Archive | dict[str, Any]:
        """Raises as `labels`."""
        asked = parse_body(ReleaseAsked, body)
        catalog = build_catalog(self.settings)
        release_id = complete_id(catalog, "releases", asked.release)
        release = open_release(catalog, release_id)
        form = choose_release_form(asked.format, release.task)
        frames = list_frames(catalog, release)

        def write(folder: Path, on_picture: OnPicture) -> dict[str, Any]:
            facts = export_release(catalog, release_id, folder, form, False, on_picture)
            return _tell(facts["counts"], facts["not_written"])

        name = f"release-{release_id[:12]}"
        of = list_released(catalog, release_id), len(frames)
        estimate = partial(estimate_bytes, catalog, frames, release.frames_version)
        chosen = _Chosen("release", name, *of, estimate, write, release_id)
        return self._answer(person, asked, chosen)

    def _answer(
        self, person: Person, asked: _Asked, chosen: _Chosen
    ) -> Archive | dict[str, Any]:
        catalog = build_catalog(self.settings)
        if asked.dry_run:
            return _plan(catalog, chosen, self.bound)
        try:
            return self._pack(person, catalog, chosen)
        except TooLarge as error:
            raise Refused(413, str(error), _ASK_FOR_LESS) from error

    def _pack(self, person: Person, catalog: Catalog, chosen: _Chosen) -> Archive:
        """The record of what left is written before the first byte goes, and again when all have."""
        with (
            self._being_alone(),
            tempfile.TemporaryDirectory() as place,
            ExitStack() as leaving,
        ):
            folder = Path(place) / "export"
            facts = chosen.write(folder, self.bound.look)
            facts["warnings"] = list_ended(catalog, chosen.sessions)
            (folder / _FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
            stream = pack(folder, self.bound, leaving)
            note(self.settings.home, Act("export", person.name, chosen.what))
            leaving.enter_context(_note_leaving(catalog, person, chosen))
            return Archive(f"{chosen.name}.zip", stream, leaving.pop_all())

    @contextmanager
    def _being_alone(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise WriteRefused("another export is being made: wait for its end")
        try:
            yield
        finally:
            self._busy.release()


def _plan(catalog: Catalog, chosen: _Chosen, bound: Bound) -> dict[str, Any]:
    """How much would leave. Nothing is written down: nothing leaves."""
    return {
        "what": chosen.what,
        "sessions": list(chosen.sessions),
        "num_frames": chosen.num_frames,
        "size_bytes": chosen.estimate(),
        "most_bytes": bound.most_bytes,
        "warnings": list_ended(catalog, chosen.sessions),
    }


def _note_leaving(catalog: Catalog, person: Person, one: _Chosen) -> Any:
    place = f"through the browser, to {person.name}"
    of = (one.sessions, one.num_frames, one.release_id)
    return leave(catalog, one.what, place, *of, sent_by=person.name)


def _tell(counts: Any, not_written: Any) -> dict[str, Any]:
    """What is in an archive, and what of the labels its form cannot hold."""
    return {"counts": dict(counts), "not_written": dict(+Counter(not_written))}
