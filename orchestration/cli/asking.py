"""The verbs that answer questions: in plain words, for a person; by tools, for programs that speak MCP."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from orchestration.cli.output import Json, join_lines, say, shorten

if TYPE_CHECKING:
    from orchestration.agent.answer import Answer, Rows
    from orchestration.agent.ladder.answering import Reply, Rung
    from orchestration.roles.rights import Person

_MOST_ROWS = 12
_MOST_SOURCES = 8


def ask(
    context: typer.Context,
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION",
            help='Such as "why did desk-dusk drift", "which checks failed", "what is stale", "who is champion of '
            'detection", "how many frames has desk-monday", "lineage of <id>", "why did the last run fail". Names with '
            "spaces stand in quotation marks.",
        ),
    ],
    rung: Annotated[
        str | None,
        typer.Option(
            metavar="rules|model",
            help="Let only this answer. By default a language model that DAGUERRE_ASK_ADDRESS or DAGUERRE_ASK_GGUF "
            "names is asked what rules cannot answer; without one nothing is sent anywhere.",
            show_default=False,
        ),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="Let the language model keep proposals; a person decides about each with `daguerre approve`.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Answer a question about the home by rules: exact, offline, with the source of each number. Changes nothing.

    What no tool says is told so, with the nearest questions that could be asked, and the exit code is 1 then.
    docs/how-to/ask.md says how a language model of your own answers what rules cannot, and what of its words is shown.
    """
    from orchestration.agent.ladder.answering import reply
    from orchestration.cli.proposing import open_world

    found = reply(open_world(context.obj), question, _read_rung(rung), propose)
    facts = {"question": question, **found.to_dict()}
    say(as_json, facts, join_lines(_draw_reply(found)))
    raise typer.Exit(0 if found.answer.is_known else 1)


def _read_rung(text: str | None) -> "Rung | None":
    from orchestration.agent.ladder.answering import RUNGS

    for rung in RUNGS:
        if text == rung:
            return rung
    if text is None:
        return None
    raise ValueError(f"--rung {text}: choose one of {', '.join(RUNGS)}")


def mcp(
    context: typer.Context,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="Offer tools that keep proposals too; a person decides about each with `daguerre approve`.",
        ),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            help="Over HTTP at /mcp, on this port of 127.0.0.1, to who has a token or a role, until interrupted.",
            min=1,
            max=65535,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the tools of the home to programs by the Model Context Protocol. Read-only.

    A program starts it and speaks over stdin and stdout: `daguerre mcp` is the command of its settings. With --port it
    is a server for several. It needs the extra daguerre[mcp].
    """
    from importlib import metadata

    from orchestration.agent.mcp_server import build_server, serve_stdio
    from orchestration.agent.world import World
    from orchestration.cli.proposing import open_world

    def open_for(person: "Person") -> World:
        world = open_world(context.obj)
        is_over_http = port is not None
        by = (
            f"{person.name} by mcp" if is_over_http else f"{world.who} by {person.name}"
        )
        return World(world.settings, by, world.run_verb, person.rights)

    server = build_server(open_for, metadata.version("daguerre"), propose)
    if port is not None:
        from orchestration.agent.mcp_serving import serve_http

        return serve_http(open_world(context.obj), server, port)
    import anyio

    anyio.run(serve_stdio, server)


def _draw_reply(found: "Reply") -> Iterator[str]:
    yield from _draw(found.answer)
    for proposal in found.proposals:
        yield f"proposed: daguerre proposals {proposal}; daguerre approve {proposal} carries it out"
    if found.model:
        yield (
            f"worded by {found.model} ({found.tokens} tokens): each number is one that a tool said, the words between "
            "are the model's own"
        )


def _draw(found: "Answer") -> Iterator[str]:
    yield found.text
    told = {fact.value for fact in found.facts}
    for rows in found.rows:
        if not all(value in told for row in rows.rows for value in row.values()):
            yield from _draw_rows(rows)
    sources = dict.fromkeys(fact.source.follow for fact in found.facts)
    for follow in list(sources)[:_MOST_SOURCES]:
        yield f"source: {follow}"


def _draw_rows(rows: "Rows") -> Iterator[str]:
    shown = rows.rows[:_MOST_ROWS]
    for row in shown:
        yield f"  {_tell_row(row)}"
    more = len(rows.rows) - len(shown) + rows.num_left_out
    if more:
        yield f"  and {more} more: --json lists more of them"


def _tell_row(row: Any) -> str:
    told = [f"{k} {_tell(v)}" for k, v in row.items() if v not in (None, "")]
    return for_line(", ".join(told))


def _tell(value: Any) -> str:
    from orchestration.agent.answer import round_for_people

    return round_for_people(value) if isinstance(value, float) else shorten(value, 80)
