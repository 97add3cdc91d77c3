"""What is told in the morning as text, Markdown or a page of HTML that needs nothing else.

Belongs here: how it looks. Does not: what it is.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from assets.foreign_text import for_line, for_markdown
from orchestration.morning.telling import Morning
from orchestration.morning.things import Thing

MOST_SHOWN = 20  # things of a section
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Daguerre, {{ until }}</title>
<style>{{ css }}</style>
</head>
<body>
<header class="top"><div class="wrap">
<p class="eyebrow">Daguerre<span>{{ until }}</span></p>
<h1>{{ head }}</h1>
{% if cost %}<p>{{ cost }}</p>{% endif %}
</div></header>
<main class="wrap">
{% for section in sections %}
<section id="{{ section.title }}"><h2>{{ section.title | capitalize }}</h2>
<ul>
{% for line in section.lines %}
<li id="{{ line.id }}">{{ line.says }}{% if line.command %} <code>{{ line.command }}</code>{% endif %}
{% if line.follow %}<br><small>more: <code>{{ line.follow }}</code></small>{% endif %}</li>
{% endfor %}
</ul>
{% if section.more %}<p>and {{ section.more }} more: <code>daguerre morning --json</code> lists all</p>{% endif %}
</section>
{% endfor %}
</main>
</body>
</html>
"""
_WAITS = "waits for a person"


def draw_text(morning: Morning) -> str:
    """For a terminal."""
    lines = [str(morning.head)]
    for section in _list_sections(morning):
        lines.append(f"{section['title']}:")
        for line in section["lines"]:
            then = line["command"] or line["follow"]
            lines += [f"  {line['says']}", f"      -> {then}"]
        lines += _tell_more(section, "  ")
    lines += [str(morning.cost)] if morning.cost else []
    return "\n".join(map(for_line, lines))


def draw_markdown(morning: Morning) -> str:
    """For a chat or a page. Commands stand as code."""
    lines = [f"# Daguerre, {morning.until}", "", for_markdown(str(morning.head)), ""]
    for section in _list_sections(morning):
        lines += [f"## {section['title'].capitalize()}", ""]
        for line in section["lines"]:
            then = for_line(line["command"] or line["follow"]).replace("`", "'")
            lines.append(f"- {for_markdown(line['says'])} `{then}`")
        lines += [*_tell_more(section, "- "), ""]
    lines += [for_markdown(str(morning.cost))] if morning.cost else []
    return "\n".join(lines).rstrip("\n")


def draw_html(morning: Morning) -> str:
    """One page. What strangers have written is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from assets.evaluation.report import TEMPLATES

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.from_string(_PAGE).render(
        until=morning.until,
        head=str(morning.head),
        cost=str(morning.cost) if morning.cost else "",
        sections=list(_list_sections(morning)),
        css=Markup((TEMPLATES / "report.css").read_text()),
    )


def _list_sections(morning: Morning) -> Iterator[dict[str, Any]]:
    """First what waits, the new of it first; then what happened, by what it is of."""
    waiting = sorted(morning.waiting, key=lambda t: t.key not in morning.news)
    if waiting:
        yield _describe(_WAITS, waiting, morning)
    for title, things in groupby(morning.new, key=lambda t: t.section):
        yield _describe(title, list(things), morning)


def _describe(title: str, things: Sequence[Thing], morning: Morning) -> dict[str, Any]:
    shown = things[:MOST_SHOWN]
    lines = [
        {
            "id": thing.id,
            "says": _mark_new(thing, morning) + str(thing.sentence),
            "command": thing.command,
            "follow": thing.sentence.facts[0].source.follow,
        }
        for thing in shown
    ]
    return {"title": title, "lines": lines, "more": len(things) - len(shown)}


def _mark_new(thing: Thing, morning: Morning) -> str:
    return "new: " if thing.command and thing.key in morning.news else ""


def _tell_more(section: dict[str, Any], begin: str) -> list[str]:
    more = section["more"]
    return [f"{begin}and {more} more: --json lists all"] * (more > 0)
