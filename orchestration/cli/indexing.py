"""The verb that looks at frames so that they are found: by the text that they show, and by what they look like."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from assets.tables.incremental import Refreshed
    from checks.verdicts import Verdict
    from orchestration.profiles import Settings


@dataclass(frozen=True)
class _Index:
    """One table of frames: what makes it, and the version of rows that are as they are made now."""

    table: str
    doing: str
    version: str
    refresh: "Callable[..., Refreshed]"


def index(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SESSION",
            help="Names, or patterns such as 'desk-*'; none: all.",
        ),
    ] = None,
    way: Annotated[
        str,
        typer.Option(
            help="texts: read what frames show; pictures: make vectors by the net of DAGUERRE_CLIP; both: what is "
            "possible here of the two."
        ),
    ] = "both",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say how many frames are due, and look at none."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at frames so that `search --frames` finds them: by text that they show, and by what they look like.

    Text is read where `daguerre[ocr]` is installed, vectors are made where DAGUERRE_CLIP names a net; nothing is
    fetched. What is done is kept, and done again only where pictures, nets or code changed. Exit code 1 where a
    blocking check refuses it.
    """
    from assets.search.due import count_due
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    facts: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    for one in _list_indices(settings, way):
        counted = count_due(catalog, one.table, one.version, sessions or ())
        for session, due in counted.items():
            told = {"session": session, "table": one.table, "frames": due.num_frames}
            if dry_run:
                facts.append({**told, "due": due.num_due, "kept": False})
                continue
            done, found = _make(settings, catalog, one, session)
            verdicts += found
            facts.append({**told, "made": done.computed, "kept": True, "checks": describe_verdicts(found)})  # fmt: skip
    lines = list(_tell(facts)) or ["there is no frame to look at yet"]
    say(as_json, facts, join_lines([*lines, *tell_failures(verdicts)]))
    raise typer.Exit(int(any(verdict.stops for verdict in verdicts)))


def _list_indices(settings: "Settings", way: str) -> list[_Index]:
    """Those that are asked for; of both, those that are possible here. Raises ValueError where none is."""
    from assets.inference.clip import NoClip
    from assets.inference.text_reader import NoTextReader

    makers = {"texts": _read_texts, "pictures": _embed_pictures}
    if way in makers:
        return [makers[way](settings)]
    if way != "both":
        raise ValueError(
            f"'{way}' is no way to index: it is one of both, texts, pictures"
        )
    found, lacking = [], []
    for make in makers.values():
        try:
            found.append(make(settings))
        except (NoTextReader, NoClip) as error:
            # a net that is named and cannot be used is a mistake, not an absence
            if make is _embed_pictures and settings.workspace.clip:
                raise
            lacking.append(str(error))
    if not found:
        raise ValueError("; ".join(lacking))
    return found


def _read_texts(settings: "Settings") -> _Index:
    from assets.inference.text_reader import find_reader, name_version
    from assets.search.frame_texts import TABLE, read_texts

    find_reader()
    return _Index(TABLE, "reading text of", name_version(), read_texts)


def _embed_pictures(settings: "Settings") -> _Index:
    from assets.inference.clip import name_version, require_folder
    from assets.search.picture_vectors import TABLE, embed_pictures

    version = name_version(require_folder(settings.workspace.clip))
    return _Index(TABLE, "looking at", version, embed_pictures)


def _make(
    settings: "Settings", catalog: "Catalog", one: _Index, session: str
) -> "tuple[Refreshed, list[Verdict]]":
    """Judged is what changed, and what nobody has judged yet."""
    from orchestration.observed import judge_made

    with show_progress(f"{one.doing} {session}", "frames") as tick:
        done = one.refresh(session, catalog, settings.workspace, tick)
    if not done.computed and not done.removed and catalog.is_judged(one.table, session):
        return done, []
    facts = {"rows": done.summary}
    asset = ("search", one.table)
    return done, judge_made(settings, catalog, asset, session, facts)


def _tell(facts: list[dict[str, Any]]) -> Iterator[str]:
    for fact in facts:
        what = f"{fact['table']} of {fact['session']}: {many(fact['frames'], 'frame')}"
        if not fact["kept"]:
            yield f"{what}, {fact['due']} to look at"
        else:
            yield f"{what}, {fact['made']} looked at now"
