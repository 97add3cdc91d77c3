"""Roles as data: what each may do, the file that gives them to people, and who a request comes from."""

from __future__ import annotations

import stat

import pytest
from starlette.requests import HTTPConnection

from assets.audit import RECORD, read_acts
from orchestration.cli import run_verb
from orchestration.roles.book import RoleBook
from orchestration.roles.keys import Keys
from orchestration.roles.rights import (
    HOLDER,
    ROLES,
    Person,
    Right,
    RightMissing,
    list_rights,
    list_roles,
)

PROXY = "proxy: {header: X-Forwarded-User, addresses: [10.0.0.5]}\n"
BEN = "people: {ben: {roles: [reader]}}\n"


@pytest.fixture
def book(tmp_path) -> RoleBook:
    return RoleBook(tmp_path / "roles.yaml")


def ask(client: str | None, *named: str) -> HTTPConnection:
    headers = [(b"x-forwarded-user", name.encode()) for name in named]
    address = (client, 1) if client else None
    return HTTPConnection({"type": "http", "headers": headers, "client": address})


def test_every_role_looks_and_each_other_right_of_a_decision_is_one_roles():
    assert all(Right.LOOK in list_rights(role) for role in ROLES)
    alone = {right: list_roles(right) for right in Right if right is not Right.LOOK}
    assert alone == {
        Right.ANNOTATE: ["annotator"],
        Right.EXPORT: ["annotator", "operator"],
        Right.PROPOSE: ["operator"],
        Right.OPERATE: ["operator"],
        Right.APPROVE: ["approver"],
        Right.READ_PRIVATE: ["privacy-officer"],
        Right.UNSEAL: ["privacy-officer"],
        Right.ERASE: ["privacy-officer"],
    }


def test_who_opens_the_link_may_do_what_they_could_before_there_were_roles():
    assert set(list_rights(HOLDER)) == {Right.LOOK, Right.ANNOTATE, Right.PROPOSE}


def test_a_refusal_names_the_right_and_who_gives_it():
    both = Person("anna", ("annotator", "approver"))
    both.require(Right.APPROVE)
    with pytest.raises(RightMissing) as refused:
        both.require(Right.ERASE)
    assert "anna has no right to erase, which the role privacy-officer has" in str(
        refused.value
    )
    assert "`daguerre role grant`" in str(refused.value)


def test_a_token_is_told_once_and_kept_as_a_salted_hash(book):
    token = book.grant("anna", ["annotator"])
    again = book.grant("ben", ["reader"])
    text = book.path.read_text()
    assert token not in text and again not in text
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert book.read().find_by_token(token) == Person("anna", ("annotator",))
    assert book.read().find_by_token(again) == Person("ben", ("reader",))
    assert book.read().find_by_token("") is None


def test_a_new_grant_and_a_revocation_count_at_once_and_old_tokens_open_nothing(book):
    keys = Keys("of-the-start", Person("Carl"), RoleBook(book.path))
    first = book.grant("anna", ["reader"])
    assert keys.find_by_token(first) == Person("anna", ("reader",))
    second = book.grant("anna", ["operator"])
    assert keys.find_by_token(first) is None
    assert keys.find_by_token(second) == Person("anna", ("operator",))
    book.revoke("anna")
    assert keys.find_by_token(second) is None
    assert keys.find_by_token("of-the-start") == Person("Carl", (HOLDER,))
    with pytest.raises(ValueError, match="'anna' has no role: nobody has one"):
        book.revoke("anna")


@pytest.mark.parametrize(
    "text",
    [
        "people: {anna: {roles: [king]}}",
        "people: {anna: {roles: []}}",
        "people: {'--by': {roles: [reader]}}",
        "people: {anna: {roles: [reader], token: plain}}",
        "proxy: {header: X-User}",
        "proxy: {header: X-User, addresses: [everywhere]}",
        "folks: {}",
        "- people",
    ],
)
def test_a_faulty_file_is_named_and_lets_nobody_in_by_a_role(book, text):
    token = book.grant("anna", ["reader"])
    keys = Keys("of-the-start", Person("Carl"), RoleBook(book.path))
    assert keys.find_by_token(token) is not None
    book.path.write_text(f"{text}\n")
    with pytest.raises(ValueError, match=r"roles\.yaml is no file of roles"):
        book.read()
    assert keys.find_by_token(token) is None
    assert keys.find_by_token("of-the-start") is not None


def test_a_file_that_cannot_be_looked_at_lets_nobody_in_by_a_role(book):
    keys = Keys("of-the-start", Person("Carl"), book)
    token = book.grant("anna", ["reader"])
    book.path.unlink()
    book.path.symlink_to(book.path)
    with pytest.raises(ValueError, match=r"roles\.yaml cannot be read"):
        book.read()
    assert keys.find_by_token(token) is None
    assert keys.find_by_proxy(ask("10.0.0.5", "anna")) is None
    assert keys.find_by_token("of-the-start") is not None


def test_a_server_without_a_token_of_its_own_does_not_start(book):
    with pytest.raises(ValueError, match="the token of this server is empty"):
        Keys("", Person("Carl"), book)


@pytest.mark.parametrize("name", ["", "a b", "-x", "anna\n", "ä", "a" * 65])
def test_a_name_that_is_none_is_refused_with_what_one_is(book, name):
    with pytest.raises(ValueError, match="is no name: give 1 to 64 letters"):
        book.grant(name, ["reader"])
    assert not book.path.exists()


@pytest.mark.parametrize(
    ("text", "request_", "found"),
    [
        (BEN, ask("10.0.0.5", "ben"), None),  # nobody named a proxy
        (PROXY + BEN, ask("10.0.0.5", "ben"), "ben"),
        (PROXY + BEN, ask("::ffff:10.0.0.5", "ben"), "ben"),
        (PROXY + BEN, ask("10.0.0.6", "ben"), None),
        (PROXY + BEN, ask("127.0.0.1", "ben"), None),
        (PROXY + BEN, ask(None, "ben"), None),
        (PROXY + BEN, ask("10.0.0.5", "ben", "ben"), None),
        (PROXY + BEN, ask("10.0.0.5", "anna"), None),
        (PROXY + BEN, ask("10.0.0.5"), None),
    ],
)
def test_a_header_counts_from_the_proxy_that_the_file_names_alone(
    book, text, request_, found
):
    book.path.write_text(text)
    person = Keys("of-the-start", Person("Carl"), book).find_by_proxy(request_)
    assert (person and person.name) == found


def test_the_verbs_give_list_and_take_roles_and_are_in_the_record(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    given = run_verb(("role", "grant", "anna", "operator", "approver")).facts
    assert given["roles"] == ["operator", "approver"] and len(given["token"]) == 43
    by_proxy = run_verb(("role", "grant", "ben", "reader", "--by-proxy")).facts
    assert by_proxy["token"] is None
    told = run_verb(("role", "list")).facts
    assert [(p["name"], p["has_token"]) for p in told["people"]] == [
        ("anna", True),
        ("ben", False),
    ]
    assert told["rights"]["reader"] == ["look"] and told["proxy"] is None
    with pytest.raises(ValueError, match="there is no role 'king': choose of reader"):
        run_verb(("role", "grant", "carl", "king"))
    run_verb(("role", "revoke", "anna"))
    assert [(a["act"], a["of"]) for a in read_acts(home)] == [
        ("grant role", "anna: operator, approver"),
        ("grant role", "ben: reader"),
        ("revoke role", "anna"),
    ]


def test_what_cannot_be_written_down_is_not_done(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    run_verb(("role", "grant", "anna", "reader"))
    kept = (home / "roles.yaml").read_text()
    with (home / RECORD).open("a") as record:
        record.write("no entry\n")
    for words in (("grant", "ben", "reader"), ("revoke", "anna")):
        with pytest.raises(ValueError, match="its last entry: it is no JSON"):
            run_verb(("role", *words))
    assert (home / "roles.yaml").read_text() == kept
