"""The tool that finds the frames which look most like one, by their stored vectors."""

from pydantic import Field

from orchestration.agent.answer import Answer, Fact, Source, say, take
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World


class Alike(Listing):
    """Like which frame."""

    frame: str = Field(
        min_length=6, max_length=64, description="A frame's id or a beginning of it."
    )
    limit: int = Field(12, ge=1, le=200, description="Frames at most.")


def find_alike(world: World, asked: Alike) -> Answer:
    """The frames with the highest cosines, best first, as the browser sorts them."""
    import numpy as np

    from assets.browsing.frame_index import build_index
    from assets.browsing.likeness import Likeness
    from assets.tables.ids import complete_id

    frame_id = complete_id(world.catalog, "frames", asked.frame)
    index = build_index(world.catalog)
    others = np.ones(len(index.rows), bool)
    others[index.find([frame_id])] = False
    likeness = Likeness(world.catalog, world.settings.workspace)
    places, cosines = likeness.sort(index, frame_id, others)
    found = index.take(places[: asked.limit], ["frame_id", "session", "sensor"])
    rows = [
        {**row, "cosine": float(cosine)}
        for row, cosine in zip(found.to_pylist(), cosines, strict=False)
    ]
    source = Source("frame", frame_id)
    facts = [Fact("frame", frame_id, source), Fact("frames", len(rows), source)]
    sentences = [say("The {frames} frames most like {frame}.", *facts)]
    if rows:
        best = Source("frame", rows[0]["frame_id"])
        named = (
            Fact("best", rows[0]["frame_id"], best),
            Fact("cosine", rows[0]["cosine"], best),
        )
        sentences.append(say("First {best}, at a cosine of {cosine}.", *named))
    listed = take("alike", rows, asked.limit, source, key="frame_id", key_kind="frame")
    return Answer(tuple(sentences), (listed,) if rows else ())


SIMILAR = Tool(
    "similar_frames",
    "The frames that look most like a frame, by the cosine of their stored vectors.",
    Alike,
    find_alike,
)
