"""Tools that find: documents by a text, and the frames which look most like one."""

from dataclasses import asdict
from typing import Annotated

from pydantic import Field, StringConstraints

from assets.tables.schemas.search import DOCUMENT_KINDS
from orchestration.agent.answer import Answer, Fact, Source, say, take, unknown
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Alike(Listing):
    """Like which frame."""

    frame: str = Field(
        min_length=6, max_length=64, description="A frame's id or a beginning of it."
    )
    sessions: tuple[Pattern, ...] = Field(
        (), max_length=50, description="Frames of these alone; patterns too."
    )
    limit: int = Field(12, ge=1, le=200, description="Frames at most.")


def find_alike(world: World, asked: Alike) -> Answer:
    """The other frames with the highest cosines, best first, as `daguerre similar` finds them."""
    from assets.search.similar import FrameVectors, read_frame_vector
    from assets.tables.ids import complete_id

    frame_id = complete_id(world.catalog, "frames", asked.frame)
    vector = read_frame_vector(world.catalog, frame_id)
    vectors = FrameVectors(world.catalog, world.settings.workspace.cache)
    near = vectors.find(vector, asked.limit + 1, asked.sessions)
    rows = [asdict(one) for one in near if one.frame_id != frame_id][: asked.limit]
    source = Source("frame", frame_id)
    facts = [Fact("frame", frame_id, source), Fact("frames", len(rows), source)]
    sentences = [say("The {frames} frames most like {frame}.", *facts)]
    if rows:
        best = Source("frame", rows[0]["frame_id"])
        named = (
            Fact("best", rows[0]["frame_id"], best),
            Fact("similarity", rows[0]["similarity"], best),
        )
        sentences.append(say("First {best}, at a cosine of {similarity}.", *named))
    listed = take("alike", rows, asked.limit, source, key="frame_id", key_kind="frame")
    return Answer(tuple(sentences), (listed,) if rows else ())


class Wanted(Listing):
    """Which documents."""

    text: str = Field(
        min_length=1, max_length=400, description="What is looked for, in words."
    )
    kinds: tuple[str, ...] = Field(
        (), max_length=20, description=f"Only these: {', '.join(DOCUMENT_KINDS)}."
    )
    sessions: tuple[Pattern, ...] = Field(
        (), max_length=50, description="Documents of these alone; patterns too."
    )
    limit: int = Field(10, ge=1, le=100, description="Documents at most.")


def find_documents(world: World, asked: Wanted) -> Answer:
    """What fits best, best first, as `daguerre search` finds it; documents are not brought up to date by this."""
    from assets.inference.sentences import find_encoder
    from assets.search.asking import Documents
    from assets.search.documents import find_changes
    from orchestration.resources import build_records

    cache = world.settings.workspace.cache
    encoder = find_encoder(cache)
    documents = Documents(world.catalog, cache, encoder)
    hits = documents.ask(asked.text, asked.limit, asked.kinds, asked.sessions)
    changes = find_changes(world.catalog, build_records(world.settings), encoder)
    num_changed = len(changes.due) + len(changes.gone)
    source = Source("search", asked.text)
    facts = [Fact("found", len(hits), source)]
    words = "{found} documents are found."
    if num_changed:
        facts.append(Fact("changed", num_changed, source))
        words += " {changed} have changed since the documents were made, and are not seen as they are now."
    if not hits:
        return unknown(words, *facts)
    listed = take("documents", [asdict(hit) for hit in hits], asked.limit, source)
    return Answer((say(words, *facts),), (listed,))


SIMILAR = Tool(
    "similar_frames",
    "The frames that look most like a frame, by the cosine of their stored vectors.",
    Alike,
    find_alike,
)
SEARCH = Tool(
    "search",
    "Find what is known in words: pages, sessions, classes, models, decisions, checks, quarantine, alarms, runs.",
    Wanted,
    find_documents,
)
