"""Questions of people who think in SQL or pandas, in the words that others use.

Belongs here: "count(*) from frames group by session" as "number of frames per session". Does not: statements, which
nobody's question is run as.
"""

import re

_IS_SQL = re.compile(
    r"\b(select|group by|order by|having count|is null|left join|\w+ join \w+)\b|\b(count|avg) ?\(|<>"
    r"|!=|\bintersect|[<>]=?\s*\d"
    r"|\bwhere \w+ ?(=|in|starts with|like)|\bdistinct \w+ from\b",
    re.IGNORECASE,
)
_COLUMN = (
    r"(?:class_name|class|session|sensor|camera|release_id|release|task|split|model_sha256|model"
    r"|frame_id|status|label_id)"
)
_DAY = r"\d{4}-\d\d-\d\d"
_DATE = rf"'?{_DAY}"
_MOMENT = r"(?:where )?(?:created|started|ended|start_time|end_time|created_at|started_at|date|day|time|timestamp|ts)"
_REWRITES = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        (rf"\b{_MOMENT} ?>=? ?(?:now ?\(\)|current_timestamp) ?- ?interval ?'(\d+ \w+)'", r"in the last \1"),
        (r"\bselect (\w+), ?count ?\(\*\) from (\w+)(.*?) group by \S+", r"number of \2 per \1\3"),
        (r"\bselect (\w+) from (\w+)(.*?) group by \w+ having count ?\(\*\) ?([<>]=?|=) ?(\d+)",
         r"list \1 with \4 \5 \2\3"),
        (r"\b(\w+), ?count ?\(\*\) (?:over|from|of) (\w+)", r"number of \2 per \1"),
        (rf"\b{_MOMENT} ?>= ?(?={_DATE})", "since "),
        (rf"\b{_MOMENT} ?> ?(?={_DATE})", "after "),
        (rf"\b{_MOMENT} ?<= ?(?={_DATE})", "until "),
        (rf"\b{_MOMENT} ?< ?(?={_DATE})", "before "),
        (rf"\b{_MOMENT} ?=+ ?(?={_DATE})", "on "),
        (r"\bintersect(?:ed with)?\b(?: those)?", "and"),
        (r"\bselect avg ?\(\w+\) from \(select count ?\(\*\)(?: as)? \w+ from (\w+) group by (\w+)\)",
         r"average number of \1 per \2"),
        (r"\bleft (?:outer )?join (\w+) .*?\bis null\b", r"without \1"),
        (r"\border by count ?\((\w+)\) desc(?: limit 1)?", r"most \1"),
        (r"\border by count ?\((\w+)\)(?: asc)?(?: limit 1)?", r"fewest \1"),
        (r"\border by (?:count ?\(\*\)|n|count) desc(?: limit 1)?", "most"),
        (r"\border by (?:count ?\(\*\)|n|count)(?: asc)?(?: limit 1)?", "fewest"),
        (r"\bhaving count ?\((?:\*|(?:distinct )?(\w+))\) ?([<>]=?|=) ?(\d+)", r"with \2 \3 \1"),
        (r"\bcount ?\(\*\) (?:over|from|in|of)\b", "number of"),
        (r"\bcount ?\((?:\*|(?:distinct )?(\w+))\)", r"number of \1"),
        (r"\bavg ?\((.*?)\)", r"average \1"),
        (r"\bselect (?:\* from |distinct )?", "list "),
        (rf"\b{_COLUMN} ?(?:<>|!=) ?", "not "),
        (rf"\b{_COLUMN} ?(?:=|==|starts with|like|in) ?", ""),
        (r">= ?(?=\d)", "at least "),
        (r"<= ?(?=\d)", "at most "),
        (r"> ?(?=\d)", "more than "),
        (r"< ?(?=\d)", "fewer than "),
        (r"\bgroup by\b", "per"),
        (r"\b(?:where|join|using)\b", "of"),
        (r"\bclass_name\b", "class"),
        (r"\brelease_frames\b", "frames"),
        (r"\brelease_id\b", "release"),
        (r"\b(?:limit 1|distinct)\b", ""),
    )
)  # fmt: skip


def _of_frame(columns: str) -> str:
    """A column in the manner of pandas: "labels['class']", "frames.session"."""
    return rf"(?:\.|\[ ?['\"])({columns})(?:['\"] ?\])?"


_GROUPED = r"\.groupby\(\[?['\"](\w+)['\"]\]?\)\.(?:size|count)\(\)"
_COMPARING = r"(?:(?<=[=<>] )|(?<=[=<>(])|(?<=\b(?:like|than|with) )|(?<=\b(?:after|since|until) )|(?<=\bbefore ))"
_SIGNS = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        (r"\bw/o\b", "without"),
        (rf"\b(\w+){_of_frame('class|sensor')}\.nunique\(\)", r"number of different \2"),
        (rf"\b(\w+){_of_frame('class|session|sensor')}\.value_counts\(\)\.(?:idx|arg)max\(\)",
         r"which \2 has most \1"),
        (rf"\b(\w+){_of_frame('class|session|sensor')}\.value_counts\(\)\.(?:idx|arg)min\(\)",
         r"which \2 has fewest \1"),
        (rf"\b(\w+){_of_frame('class|session|sensor|split')}\.value_counts\(\)", r"number of \1 per \2"),
        (rf"\bdf{_GROUPED}(?: (?:for|of|over))? (?:the |all )*(\w+)", r"number of \2 per \1"),
        (rf"\b(\w+){_GROUPED}(?:\.mean\(\)|,? (?:and )?then the (?:mean|average)\b[^:?]*)",
         r"average number of \1 per \2"),
        (rf"\b(\w+){_GROUPED}", r"number of \1 per \2"),
        (rf"\(?\b(\w+){_of_frame('class|class_name|session|sensor')} ?== ?'?('.*?')'?\)?\.sum\(\)",
         r"number of \1 of \3"),
        (r"\blen\((\w+)\) ?/ ?len\((\w+?)s\)", r"average number of \1 per \2"),
        (r"#\s?(?:of )?(?=[a-z])", "number of "),
        (r",? one (?:line|row|entry|number|figure) (?:per|for each|for every)\b", " per"),
        (r"~ ?(\w+)(?:\.\w+|\[['\"]\w+['\"]\])\.isin\((\w+)[^)]*\)(?: ?\.?sum\b(?:\(\))?)?",
         r"number of \1 without \2"),
        (rf"\b(\w+)\[\1\.\w+ ?== ?(['\"].*?['\"])\]{_of_frame('class|class_name')}\.unique\(\)",
         r"which classes in \2"),
        (r"\s!= ?(?=['\w])", " not "),
        (r"\blen\((\w+)\)", r"number of \1"),
        (r"\[ ?(['\"])(class|class_name|session|sensor|split|task|label|frame_id)\1 ?\]", r" \2 "),  # of pandas
        (r"\b([a-z]+s)/(session|sensor|camera|class|frame|image|picture|recording|release|part)\b", r"\1 per \2"),
        (r"\s[+&]\s", " and "),
        # a day or an id in quotation marks behind what compares it
        (rf"{_COMPARING}'({_DAY}|[0-9a-f]{{6,64}})%?'", r"\1"),
        (r"\b(?:(?:where|whose|with) )?status ?(?:==?|is|in) ?\(?'?(?:failure|failed)'?\)?", "that failed"),
        (r"\b(?:(?:where|whose|with) )?status ?(?:==?|is|in) ?\(?'?(?:success|succeeded)'?\)?", "that succeeded"),
    )
)  # fmt: skip


def say_in_words(text: str) -> str:
    """The same question without words of SQL and signs; as it is where it has none."""
    for pattern, put in _SIGNS:
        text = pattern.sub(put, text)
    if not _IS_SQL.search(text):
        return text
    for pattern, put in _REWRITES:
        text = pattern.sub(put, text)
    return text
