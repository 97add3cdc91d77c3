"""A model's text held against what tools said: which numbers, ids, acts and addresses stand, and as which facts."""

from __future__ import annotations

import re

import pytest

from orchestration.agent.answer import Answer, Fact, Rows, Source, say
from orchestration.agent.ladder.measured_sql import require_measured
from orchestration.agent.ladder.numerals import read_words
from orchestration.agent.ladder.said import Made
from orchestration.agent.ladder.source import ModelSource
from orchestration.agent.ladder.supported import check

HOME = Source("home", "status")
MODEL = "ab12" * 16
TOLD = Answer(
    (
        say(
            "{frames} frames, {map50}, {took}.",
            Fact("frames", 1234, HOME),
            Fact("map50", 0.91834, HOME),
            Fact("took", 20.0, HOME, "s"),
        ),
    ),
    (
        Rows(
            "proposals",
            (
                {"proposal": "P-1a2b3c4d", "state": "open"},
                {"proposal": "P-99999999", "state": "done"},
                {"session": "desk-7", "class": "13 of 12 frames failed"},
                {"model": MODEL, "numbers": "num_checked 8, share_offending 0.25"},
            ),
            HOME,
        ),
    ),
)


def read(text: str, /, **arguments: object) -> tuple[list[str], tuple[str, ...]]:
    found = check(text, [Made("sql", arguments, TOLD)])
    return [str(one) for one in found.sentences], found.refused


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("There are 1,234 frames.", "There are 1234 frames."),
        ("mAP is 0.92, or 91.8 %.", "mAP is 0.918, or 0.918."),
        ("It took 20 s in all.", "It took 20 s in all."),
        ("- **Desk-7** has 8 checked.", '"desk-7" has 8 checked.'),
        ("2. A {brace} of 0.25!", "A {brace} of 0.25!"),
        (f"It is model {MODEL[:12]}.", f'It is model "{MODEL}".'),
        (
            'A class is "13 of 12 frames failed".',
            'A class is "13 of 12 frames failed".',
        ),
        ("P-99999999 was approved.", '"P-99999999" was approved.'),
        ("More says `daguerre status`.", 'More says "daguerre status".'),
        ("One of them is open: four rows.", "One of them is open: 4 rows."),
        ("map50 is high.", '"map50" is high.'),
    ],
)
def test_what_a_tool_said_stands_as_its_fact(text, shown):
    assert read(text) == ([shown], ())


@pytest.mark.parametrize(
    "text",
    [
        "There are 1235 frames.",
        "The score is 0.93.",
        "92 of them.",
        "93 % of them.",
        "13 of 12 frames failed.",
        '"13" frames failed.',
        "Thirteen frames failed.",
        "About half of them failed.",
        "Dozens failed.",
        "XIII frames failed.",
        "½ of them failed.",
        "٣ frames failed.",
        "It is desk-8.",
        "P-1a2b3c4e is open.",
        f"It is model {MODEL[:6]}.",
        "It took 20 h.x1",
        "12k frames.",
        "20h of it.",
        "3/4 of it.",
        "12:30 it was.",
    ],
)
def test_a_number_or_id_that_no_tool_said_refuses_its_sentence(text):
    shown, refused = read(text)
    assert shown == [] and set(refused) == {"a number or id that no tool said"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("P-1a2b3c4d was approved.", "an act that no tool told of"),
        ("Done.", "an act that no tool told of"),
        ("The 1234 frames were deleted.", "an act that no tool told of"),
        ("I looked at 1234 frames.", "what the model says of itself"),
        ("See http://a.invalid/x for more.", "an address"),
        ("Write to a@b.invalid for more.", "an address"),
        ("Run `daguerre forget desk-7` next.", "a command that no tool said"),
        ("Run daguerre forget monday next.", "a command that no tool said"),
    ],
)
def test_acts_addresses_and_commands_of_its_own_refuse_a_sentence(text, reason):
    assert read(text) == ([], (reason,))


def test_sentences_stand_and_fall_by_themselves():
    shown, refused = read("There are 1234 frames. 77 are dark. It took 20 s.")
    assert shown == ["There are 1234 frames.", "It took 20 s."] and len(refused) == 1


def test_what_the_caller_wrote_into_arguments_no_tool_says():
    assert read("There are 1234 frames.", limit=1234)[0] == []
    assert read("There are 1234 frames.", sql="select x limit 1234")[0] == []
    text = "13 of 12 frames failed"
    assert read(f'It says "{text}".', text=text)[0] == []
    assert read("Desk-7 is fine.", session="desk-7")[0] == ['"desk-7" is fine.']


def test_a_quotation_of_some_words_of_a_text_stands_as_one():
    shown, _ = read('It says "12 frames failed" there.')
    assert shown == ['It says "12 frames failed" there.']
    assert read('It says "12 frames" there.')[0] == []


def test_numerals_are_read_in_words():
    assert [read_words(w) for w in ("twelve", "twenty-three", "Dozens", "MMXXVI")] == [
        *("12", "23", "", "")
    ]
    assert [read_words(w) for w in ("CI", "tent", "someone", "I")] == [None] * 4


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) filter (where x > 3) as n, round(avg(x), 2) from t",
        "select quantile_cont(x, 0.5) over (partition by y) from t where z = 'a'",
        "select x::decimal(10, 2), row_number() over (order by y) from t limit 5",
        "select sum(a) / count(*) from t having count(*) > 3 order by 1",
        "from t",
        "select nonsense(",  # of which the tool says what is wrong
    ],
)
def test_columns_and_functions_of_columns_are_measured(sql):
    require_measured(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 5",
        "select 'five'",
        "select count(*) + 5 from t",
        "select coalesce(x, 17) from t",
        "select case when x > 1 then 5 else 0 end from t",
        "select (select 5)",
        "with a as (select 7 as b) select b from a",
        "select * from (values (5)) v(a)",
        "select max(r) from range(5) t(r)",
        "select * replace (5 as x) from t",
        "select x from t union all select 5",
        "select length('xxxxx') from t",
        "select pi() from t",
        "select count(*) from (select * from t limit 2 + 3)",
        "select [x, 5] from t",
    ],
)
def test_constants_that_are_selected_are_not_measured(sql):
    with pytest.raises(ValueError, match="numbers and texts of your own belong behind"):
        require_measured(sql)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"address": "http://models.example/v1", "name": "m"}, "give https://host/v1"),
        ({"address": "https://key@host/v1", "name": "m"}, "without a user"),
        ({"address": "https://host/v1?key=k", "name": "m"}, "or a query"),
        ({"address": "http://localhost.example/v1", "name": "m"}, "127.0.0.1:PORT"),
        ({"address": "https://host/v1"}, "DAGUERRE_ASK_ADDRESS needs"),
    ],
)
def test_an_address_is_https_or_on_loopback_and_holds_no_secret(given, told):
    with pytest.raises(ValueError, match=re.escape(told)) as refusal:
        ModelSource(**given)
    assert "key@" not in str(refusal.value) and "key=k" not in str(refusal.value)


def test_a_key_is_not_in_what_is_printed():
    source = ModelSource("http://[::1]:80/v1", "m", "secret-key")
    assert "secret-key" not in repr(source) and source.is_local
    assert not ModelSource("https://host/v1", "m").is_local and not ModelSource()
