"""The verbs that find: documents by a text, frames that look like a frame or a picture."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from orchestration.cli.chosen import Sessions, read_names
from orchestration.cli.output import Json, join_lines, refuse, say
from orchestration.cli.progress import show_progress
from orchestration.log_lines import tell

if TYPE_CHECKING:
    from assets.inference.clip import TextNet
    from assets.search.asking import Documents, Hit
    from assets.search.frames import FrameHit
    from assets.tables.catalog import Catalog
    from orchestration.profiles import Settings

_UNSEEN = "`daguerre index --dry-run` says at how many frames nobody has looked"
_TAKE_IN = "`daguerre ingest PATH` takes a recording or a folder of pictures in"
_FRAME_ID = re.compile(r"[0-9a-f]{6,32}")
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]


def search(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What is looked for, in words.")
    ],
    limit: Limit = 10,
    sessions: Sessions = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Only documents of this kind: page, session, class, attribute, release, model, decision, check, "
            "quarantine, alarm, run; several times for more."
        ),
    ] = None,
    way: Annotated[
        str,
        typer.Option(
            help="words, meaning, or both (without the net of sentences both are words); with --frames also texts that "
            "frames show, or pictures by the net of DAGUERRE_CLIP; both is all of them then."
        ),
    ] = "both",
    frames: Annotated[
        bool,
        typer.Option(
            "--frames",
            help="Frames that the text is about, by labels, sessions, and what `daguerre index` saw.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find what is known in words: pages, sessions, classes, models, decisions, failed checks, quarantine, runs.

    First the table `documents` is brought up to date; the first question makes all of it, later ones what changed.
    Exits 1 where nothing is found.
    """
    from dataclasses import asdict

    from assets.search.frames import FRAME_WAYS, find_frames_by_text
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    if not frames and way in FRAME_WAYS[-2:]:
        raise ValueError(f"--way {way} finds frames: add --frames")
    if frames and kind:
        raise ValueError(
            "--frames goes by sessions, classes and attributes: leave out --kind"
        )
    named = read_names(sessions)
    settings = load_settings()
    catalog = build_catalog(settings)
    if not _is_anything_known(settings, catalog):
        refuse(as_json, f"nothing is indexed yet: {_TAKE_IN}")
    _require_sessions(settings, catalog, named)
    net = _open_net(settings, way) if frames else None
    documents = _open_documents(settings)
    if frames:
        found = find_frames_by_text(catalog, documents, text, limit, named, way, net)
        lines = [_tell_frame(hit) for hit in found]
    else:
        hits = documents.ask(text, limit, kind or (), named, way)
        lines = [line for hit in hits for line in _tell_hit(hit)]
        found = hits  # type: ignore[assignment]  # both are told alike
    facts = [asdict(hit) for hit in found]
    hint = f"; {_UNSEEN}" if way in FRAME_WAYS[-2:] else ""
    _say(facts, lines, f"nothing is found{hint}", as_json)


def similar(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="FRAME|FILE",
            help="A frame by its id or a beginning of it, or a picture.",
        ),
    ],
    limit: Limit = 10,
    sessions: Sessions = None,
    as_json: Json = False,
) -> None:
    """Find frames that look like a frame, or like a picture that nobody takes in.

    By the vectors of `frame_embeddings`; nothing is stored. Exits 1 where there is no frame to find.
    """
    from dataclasses import asdict

    from assets.search.similar import FrameVectors, read_frame_vector
    from assets.search.uploads import embed_file
    from assets.tables.ids import complete_id
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    named = read_names(sessions)
    _require_sessions(settings, catalog, named)
    is_file = Path(subject).is_file()
    if not is_file and not _FRAME_ID.fullmatch(subject):
        raise ValueError(
            f"'{subject}' is neither a file nor the id of a frame (6 to 32 of its digits and letters to f): name one "
            "of them"
        )
    vectors = FrameVectors(catalog, settings.workspace.cache)
    vector = (
        embed_file(settings.workspace, Path(subject), vectors.encoder)
        if is_file
        else read_frame_vector(catalog, complete_id(catalog, "frames", subject))
    )
    found = vectors.find(vector, limit, named)
    lines = ["likeness (1: the same)  session  frame"]
    lines += [f"{n.similarity:.3f}  {n.session}  {n.frame_id}" for n in found]
    _say([asdict(n) for n in found], lines, "no such frame has a vector", as_json)


def _is_anything_known(settings: "Settings", catalog: "Catalog") -> bool:
    """Whether the home has documents, or a table, a run or a file of which there could be some."""
    from orchestration.resources import build_records

    return (
        catalog.exists("documents")
        or bool(catalog.names())
        or any(True for _ in build_records(settings).list_documents())
    )


def _require_sessions(
    settings: "Settings", catalog: "Catalog", named: tuple[str, ...]
) -> None:
    """Raises ValueError for a name or pattern that is no session's, of those of which anything ever landed."""
    from assets.search.chosen import require_known
    from orchestration.resources import open_ledger

    if named:
        captures = catalog.read_latest("captures", ["session"])["session"]
        frames = catalog.read_latest("frames", ["session"])["session"]
        known = {*captures.unique().to_pylist(), *frames.unique().to_pylist()}
        require_known(
            known | {*open_ledger(settings).sessions()}, named, "in this home"
        )


def _open_net(settings: "Settings", way: str) -> "TextNet | None":
    """What compares texts with pictures; None where it is not asked for by name, and nobody named a net."""
    from assets.inference.clip import TextNet, require_folder
    from assets.search.frames import PICTURES

    if way not in ("both", PICTURES):
        return None
    if way == "both" and settings.workspace.clip is None:
        return None
    return TextNet(require_folder(settings.workspace.clip))


def _open_documents(settings: "Settings") -> "Documents":
    from assets.inference.sentences import find_encoder
    from assets.search.asking import Documents
    from assets.search.documents import refresh_documents
    from assets.tables.seals import seal_tables
    from orchestration.resources import build_catalog, build_records

    catalog = build_catalog(settings)
    cache = settings.workspace.cache
    encoder = find_encoder(cache)
    records = build_records(settings)
    is_first = not catalog.exists("documents")
    if is_first:
        tell(
            "the first question makes the table `documents`; later ones bring it up to date"
        )
    started_s = time.monotonic()
    title = "making the documents" if is_first else "reading what is new"
    with show_progress(title, "documents") as tick:
        done = refresh_documents(catalog, records, encoder, tick)
    if done.computed or done.removed:
        seal_tables(catalog, ["documents"])
        took_s = time.monotonic() - started_s
        tell(f"documents: {done.summary}, in {took_s:.1f} s")
    return Documents(catalog, cache, encoder)


def _say(
    facts: list[dict[str, Any]], lines: list[str], nothing: str, as_json: bool
) -> None:
    if not facts and not as_json:
        refuse(as_json, nothing)
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(not facts))


def _tell_hit(hit: "Hit") -> list[str]:
    return [f"{hit.kind}  {hit.id}", f"    {hit.title}: {hit.snippet}"]


def _tell_frame(hit: "FrameHit") -> str:
    return f"{hit.session}  {hit.frame_id}  {for_line(', '.join(hit.why))}"
