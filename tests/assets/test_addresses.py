"""What is shown of an address, and which addresses are refused."""

from __future__ import annotations

import pytest

from assets.addresses import hide, require_escaped, require_open

HELP = "keys go elsewhere"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://me:pw@host/db", "postgresql+psycopg://me:***@host/db"),
        ("http://me:pw@host:80/x", "http://me:***@host:80/x"),
        ("postgresql://me:a/b@c@host/db", "postgresql://me:***@host/db"),
        ("(to 'redis://:pw@host') failed", "(to 'redis://:***@host') failed"),
        (
            "db://a:b@c and db://d:e@f",
            "db://a:***@c and db://d:***@f",
        ),
        (
            "s3://b/k?X-Amz-Signature=f00&X-Amz-Date=1",
            "s3://b/k?X-Amz-Signature=***&X-Amz-Date=1",
        ),
        ("host=a password=pw user=b", "host=a password=*** user=b"),
        ("postgresql://h/d?sslpassword=pw", "postgresql://h/d?sslpassword=***"),
    ],
)
def test_a_password_is_shown_as_stars(text, shown):
    assert hide(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@host:5432/db",
        "s3://bucket/a:b@c",
        "http://127.0.0.1:3000/runs/a@b",
        "sqlite:////home/me/ledger.db",
        "no secret at all: 5 tokens, me@host",
    ],
)
def test_the_rest_is_shown_as_it_is(text):
    assert hide(text) == text


@pytest.mark.parametrize(
    "text", ["a" * 500_000, "a://b:" * 80_000, "password" * 60_000, "-token" * 80_000]
)
def test_long_words_are_shown_as_they_are_in_time_that_grows_with_their_length(text):
    assert hide(text) == text  # hours, where it grows with the square
    assert hide(f"db://me:{text}@host") == "db://me:***@host"


@pytest.mark.parametrize(
    "address",
    ["s3://key:pw@bucket/x", "s3://key@bucket", "https://token@host", "sftp://me:pw@h"],
)
def test_a_place_with_a_password_is_refused_without_showing_it(address):
    with pytest.raises(ValueError, match=HELP) as refusal:
        require_open(address, "DAGUERRE_LANDING", HELP)
    assert str(refusal.value).startswith(f"DAGUERRE_LANDING begins with {address[:4]}")
    assert "pw" not in str(refusal.value) and "token" not in str(refusal.value)


@pytest.mark.parametrize(
    "address", ["s3://bucket/a:b@c", "/home/a@b", "sftp://me@host/x", "http://host:80"]
)
def test_other_places_are_not(address):
    require_open(address, "DAGUERRE_LANDING", HELP)


def test_a_password_that_ends_too_soon_is_refused_without_showing_it():
    require_escaped("postgresql://me:p%40w@host/db?options=a@b", "DAGUERRE_LEDGER")
    with pytest.raises(ValueError, match="write one in a password %40") as refusal:
        require_escaped("postgresql://me:p@w@host/db", "DAGUERRE_LEDGER")
    assert "w@" not in str(refusal.value)
