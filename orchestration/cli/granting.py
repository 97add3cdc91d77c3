"""The verbs that give people roles in a home, for the servers that stand before it: grant, list, revoke."""

import getpass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.output import Json, join_lines, say

if TYPE_CHECKING:
    from orchestration.profiles import Settings
    from orchestration.roles.book import Entry, RoleBook

role_app = typer.Typer(
    no_args_is_help=True,
    help="Give people roles for `browse`, `ui` and `mcp --port`: grant, list, revoke.",
)
Name = Annotated[
    str,
    typer.Argument(help="Who it is, as the record of acts and a proxy name them."),
]


@role_app.command()
def grant(
    name: Name,
    roles: Annotated[
        list[str],
        typer.Argument(
            metavar="ROLE",
            help="One or more of reader, annotator, operator, approver and privacy-officer.",
        ),
    ],
    by_proxy: Annotated[
        bool,
        typer.Option(
            "--by-proxy", help="Make no token: the proxy of roles.yaml says who it is."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a person these roles in place of those they had, and print a new token, once: the home keeps its hash.

    Servers that run follow at once, and a token from before opens nothing any more.
    """
    settings, book = _open()
    given = list(dict.fromkeys(roles))
    told = ", ".join(given)
    noting = partial(_note, settings, "grant role", f"{name}: {told}")
    token = book.grant(name, given, not by_proxy, noting)
    facts = {"name": name, "roles": given, "token": token or None}
    lines = [f"{name} is {told}"]
    if token:
        lines += [
            f"token, shown this once: {token}",
            "send it as `Authorization: Bearer ...`, or open a server's address with /?token=...",
        ]
    say(as_json, facts, join_lines(lines))


@role_app.command("list")
def list_(as_json: Json = False) -> None:
    """Say who has which role, and what each role may do. Changes nothing."""
    from orchestration.roles.rights import ROLES, list_rights

    _, book = _open()
    kept = book.read()
    proxy = kept.proxy.model_dump(mode="json") if kept.proxy else None
    rights = {role: [str(right) for right in list_rights(role)] for role in ROLES}
    people = [_describe(name, entry) for name, entry in sorted(kept.people.items())]
    facts = {"people": people, "rights": rights, "proxy": proxy}
    lines = [
        f"{one['name']}: {', '.join(one['roles'])}{'' if one['has_token'] else ' (by the proxy)'}"
        for one in people
    ] or ["nobody has a role: a server's own token alone opens it"]
    lines += [f"  {role} may: {'; '.join(may)}" for role, may in rights.items()]
    say(as_json, facts, join_lines(lines))


@role_app.command()
def revoke(name: Name, as_json: Json = False) -> None:
    """Take all roles from a person: their token opens nothing any more."""
    settings, book = _open()
    book.revoke(name, partial(_note, settings, "revoke role", name))
    say(as_json, {"name": name, "roles": []}, f"{name} has no role any more")


def _open() -> "tuple[Settings, RoleBook]":
    from orchestration.profiles import load_settings, require_home
    from orchestration.roles.book import RoleBook

    require_home()
    settings = load_settings()
    return settings, RoleBook(settings.roles_file)


def _note(settings: "Settings", act: str, of: str) -> None:
    from assets.audit import Act, note

    note(settings.home, Act(act, getpass.getuser(), of))


def _describe(name: str, entry: "Entry") -> dict[str, Any]:
    return {
        "name": name,
        "roles": list(entry.roles),
        "has_token": bool(entry.token_sha256),
    }
