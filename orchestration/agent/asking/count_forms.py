"""Forms of questions that count, as the one that their grammar has: "if I ignore <session>" as "without <session>".

Belongs here: patterns over words, names in them as `<kind>`. Does not: forms of other questions, which are in
`rewording`.
"""

import re

_NAME = r"<\w+>"
_KIND = r"(?:session|sensor|camera|class|release|frame|dataset|model|image|picture)"
_KINDS = r"(?:sessions|recordings|sensors|cameras|classes|categories|releases|datasets|frames|images|pictures)"
_COUNTED = r"(?:frames?|images?|pictures?|photos?|labels?|annotations?|captures?|files|sessions|classes)"
_NUMBER = r"(?:number|count|total|amount)s?"
_LEAVE = (
    r"(?:leave|leaving|left|take|took|taking|ignore|ignored|ignoring|drop|dropped|dropping|exclude|excluded|skip|skipped"
    r"|remove|removed|removing|set|put|subtract|subtracted|omit|omitted|disregard|disregarded|discount|cut|lose|lost)"
)
_LEFT = r"(?:(?:do|does|would|will|are|is|be|still|then|over) )*(?:left(?: over)?|remain(?:s|ing)?|stay|stays|survive)"
_OF_LEFT_OUT = r"(?=.*\b(?:without|minus|other than|except)\b)"
_AVERAGE = r"(?:average|avg|mean|median)"
COUNT_FORMS: tuple[tuple[str, str], ...] = (
    # what is left out, and what is left then
    (
        rf"\b(?:if|when|once|after|supposing) (?:(?:i|we) )?(?:were to )?{_LEAVE} (?:out |away |aside |off )?"
        rf"((?:the )?(?:all )?(?:{_KIND} )?{_NAME})(?: (?:out|away|aside|off))?(?!\w)",
        r"without \1",
    ),
    (rf"^{_OF_LEFT_OUT}(.*?) {_LEFT}\b", r"\1"),
    (
        rf"^(.*\b(?:without|minus|other than|except)\b.*) how many {_LEFT}$",
        r"how many \1",
    ),
    (rf"\bany other {_KIND} (?:than|but|except)\b", "other than"),
    (
        rf"\b(?:(?:belong|belongs|belonging) to|(?:are|is) (?:of|in|from)) (?:another|a different|some"
        rf" other) {_KIND} (?:than|from)\b",
        "other than",
    ),
    (
        rf"^(?:(?:in|of|for) )?({_NAME}),? only ({_NAME}) (?=how many\b)",
        r"\1 \2 ",
    ),
    # which one it is, and how many that are
    (r" and how many (?:are|is|were|was) (?:that|this|those|they|it|there)$", ""),
    (r" and how many (?:does|do|has|have) (?:it|that|they)(?: have| hold)?$", ""),
    (r"^(are there .*) and (?:if so )?how many$", r"\1"),
    (
        rf"\b({_COUNTED}|ones) who (?=(?:are|is|were|have|has|do|does|show)\b)",
        r"\1 that ",
    ),
    # the most of all
    (
        r"\bmore (\w+) than (?:all|any|every|each)(?: of)?(?: the)? (?:others?|rest)(?: (?:sessions?"
        r"|classes|class|sensors?|cameras?))?\b",
        r"most \1",
    ),
    (
        r"\b(?:fewer|less) (\w+) than (?:all|any|every|each)(?: of)?(?: the)? (?:others?|rest)(?:"
        r" (?:sessions?|classes|class|sensors?|cameras?))?\b",
        r"fewest \1",
    ),
    # a number of each
    (
        rf"^(?:(?:list|show|give|me|the) )*(?:every|each|all)(?: the)? ({_KIND}|{_KINDS}) (?:with|and"
        rf"|together with|along with) "
        rf"(?:its|their|the)(?: respective| own)? {_NUMBER} of ({_COUNTED})",
        r"number of \2 per \1",
    ),
    (
        rf"^(?:which|what|list)(?: are)?(?: the)? ({_KINDS})\b(.*?),? and (?:how many|the number of) ({_COUNTED}) "
        r"(?:(?:has|have|did|does|do|is|are|were|came from|come from|of|from|in|on|with) )*(?:each|they|every one|them)"
        r"(?: of (?:them|those))?(?: (?:has|have|take|took|deliver|delivered|give|gave|hold|contain|one))*$",
        r"number of \3 per \1\2",
    ),
    (
        r"\b(?:the )?(?:ids|names) of (?:(?:all|the|our|every) )*(releases|datasets|sessions|sensors"
        r"|cameras|classes)$",
        r"which \1 are there",
    ),
    # an average
    (
        rf"\b{_NUMBER} of ({_COUNTED}) (?:divided by|over|by|relative to) (?:the )?{_NUMBER} of (frame"
        rf"|image|picture|session|class)(?:e?s)?\b",
        r"average number of \1 per \2",
    ),
    (
        rf"\b(?:ratio of )({_COUNTED}) to (frame|image|picture|session|class)(?:e?s)?\b",
        r"average number of \1 per \2",
    ),
    (
        rf"\b({_COUNTED}) divided by (frame|image|picture|session|class)(?:e?s)?\b",
        r"average number of \1 per \2",
    ),
    (
        rf"^(?=.*\b{_AVERAGE}\b)(.*)\b(?:one|a single|every|any|any one) (?={_KIND}\b)",
        r"\1a ",
    ),
    # into a release
    (
        r"^(?=.*\b(?:how many|number|count)\b)(.*?)\b(?:(?:have|has|did|are) )?(?:made it|make it"
        r"|went|gone|go|got|get|came|come|ended up|end up|landed|land|fell|fall|found their way) "
        r"(?:in|into|to)(?: the)?(?: release| dataset)? (<release>)",
        r"\1of \2",
    ),
)


def list_count_forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each pattern and what comes in its place, in the order in which they are applied."""
    return tuple((re.compile(pattern), put) for pattern, put in COUNT_FORMS)
