"""Forms of questions that count, as the one that their grammar has: "if I ignore <session>" as "without <session>".

Belongs here: patterns over words, names in them as `<kind>`. Does not: forms of other questions, which are in
`rewording`.
"""

import re

_NAME = r"<\w+>"
_KIND = r"(?:session|sensor|camera|class|release|frame|dataset|model|image|picture)"
_KINDS = r"(?:sessions|recordings|sensors|cameras|classes|categories|releases|datasets|frames|images|pictures)"
_COUNTED = r"(?:frames?|images?|pictures?|photos?|labels?|annotations?|box|boxes|captures?|files|sessions|classes)"
_NUMBER = r"(?:number|count|total|amount|tally|quantity)s?"
_SHOTS = r"(?:frames?|images?|pictures?|pics?|photos?)"
_SPREAD = r"(?:histogram|breakdown|distribution|split|spread|division)"
_GROUP = r"(?:sessions?|recordings?|campaigns?|sensors?|cameras?|classes|class|categories|category|parts?|splits?)"
_OVER = r"(?:over|across|between|among|amongst|by)(?: (?:the|our|its|all|different|various|individual))*"
_SHARED_OUT = r"(?:split|divided|spread|distributed|shared|broken)(?: up| out| down)?"
_BOUND = r"(?:more than|over|above|less than|fewer than|under|below|at least|at most|exactly)"
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
    (
        rf"^(?:the )?({_COUNTED}) ({_BOUND}) (<number>|\d+) which ({_KINDS})$",
        r"which \4 have \2 \3 \1",
    ),
    # a number of each
    (
        rf"\bhow (?:do|did|are|is) (?:(?:the|our|all) )*({_COUNTED})(.*?) {_SHARED_OUT} {_OVER} ({_GROUP})\b",
        r"number of \1\2 per \3",
    ),
    (
        rf"\b({_COUNTED}) (?:{_NUMBER}|{_SPREAD})(?: up| out)? {_OVER} ({_GROUP})\b",
        r"number of \1 per \2",
    ),
    (
        rf"\b(?:{_NUMBER}|{_SPREAD}) of (?:(?:the|our|all) )*({_COUNTED}) {_OVER} ({_GROUP})\b",
        r"number of \1 per \2",
    ),
    (
        rf"^for (?:all|each|every)(?: of)?(?: the| our)? ({_GROUP}) (?:(?:please|give|list|show|tell|me|us) )*"
        rf"(?:(?:the )?{_NUMBER} of|how many) (?:the )?({_COUNTED})$",
        r"number of \2 per \1",
    ),
    (
        rf"^(for {_NAME} )?(?:(?:list|show|give|me|the|of) )*(?:(?:every|each|all)(?: the)? |(?=\w+s ))({_GROUP}) "
        r"(?:with|and|together with|along with) (?:(?:its|their|the|respective|own) )*"
        rf"{_NUMBER} of ({_COUNTED})(?: (?:in|of|for) (?:each|them|it))?$",
        r"number of \3 per \2 \1",
    ),
    (
        rf"\b({_GROUP})((?: \w+){{0,4}} {_NAME})? (?:along |together )?with (?:(?:their|its|the|respective) )*"
        rf"({_COUNTED}) {_NUMBER}$",
        r"number of \3 per \1\2",
    ),
    (rf"\bcamera (?={_SHOTS}\b)", ""),
    (
        r"\btotal (?:over|across) (?:(?:the )?(?:train\w*|val\w*|test\w*|and) )+",
        "total ",
    ),
    (
        rf"\b({_NUMBER} of|count) every (?=(?:frame|image|picture|label|annotation)\b)",
        r"\1 all ",
    ),
    (
        r"(<session> and <session>) (?:separately|individually|one by one|apart)$",
        r"\1",
    ),
    (
        r"\b(?:total|summed|added up|together) (?:over|across) (?:(?:all|the) )*(?:sessions|cameras|sensors)$",
        "",
    ),
    # the whole of a release
    (
        r"^(?=.*<release>)(.*?)\b(?:over )?(?:all (?:the )?(?:parts|splits)|(?:train\w*|val\w*|test\w*|and| )+?)"
        r" (?:together|combined)\b",
        r"\1",
    ),
    # labels on frames
    (
        r"\b(labels?|annotations?|boxes) (?:on|in|within|across|over|among) (?:the )?(<sensor>) "
        rf"(?:camera )?{_SHOTS}\b",
        r"\1 of \2",
    ),
    (
        rf"\bhow many (<class>) (?:in|on) (?:the )?{_SHOTS} (?:of|by|from) (?=(?:the |sensor |camera )*<sensor>)",
        r"how many \1 labels of ",
    ),
    (
        r"(<class>) (?:was|were|is|got) (?:labelled|labeled|annotated|marked) how many times\b",
        r"how many \1 labels",
    ),
    (
        r"\b(?:has |have |with )?(?:nothing|not a thing|no box) (?:labelled|labeled|annotated|drawn|marked)"
        r"(?: (?:on|in) (?:it|them))?\b",
        "without labels",
    ),
    (
        r"\b(?:everything|anything|all) (?:that is )?(?:labelled|labeled|annotated) (?=that\b|except\b|but\b)",
        "labels ",
    ),
    (r"\b(?:that|which) (?:is|are) not (?:an? )?(?=<class>)", "other than "),
    # classes
    (
        r"^(?:distinct|unique|nunique|different|kinds of|types of) (?:classes|categories|labels?(?: types| kinds)?)$",
        "number of different classes",
    ),
    (r"\b(?:labelled|labeled|annotated|label) (?=(?:classes|categories)\b)", ""),
    # what is no count: bytes, areas, what somebody would like to have
    (
        r"\bhow much (?:disk|storage|space|memory)\b|\bdisk (?:space|usage|footprint)\b"
        r"|\b(?:size|large|big)\b(?=.* on disk\b)",
        "gigabytes",
    ),
    (
        r"\b(?:largest|biggest|smallest|tiniest) (?=(?:box|boxes|<class>)(?!\w))",
        "area of ",
    ),
    (r"\bserial numbers?\b", "serials"),
    (
        r"^(how many .*|(?:what|which) ratio) (?:do|would|should|will) (?:i|we|you|they) "
        r"(?:need|choose|want|buy|order|prefer|recommend|suggest|pick)\b",
        r"\1 recommended",
    ),
    # in which unit
    (
        r"^(?:what|how much) (?:did|does|is|was|has) "
        r"(?=.*\b(?:contribut\w*|yield\w*|deliver\w*|size|output|harvest)\b)"
        rf"(.*<(?:session|sensor)>.*?) in ({_SHOTS}|labels)$",
        r"number of \2 \1",
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
        rf"^if (?:all )?(?:the )?({_COUNTED}) (?:were|was|are) {_SHARED_OUT} (?:evenly|equally|fairly)"
        rf" {_OVER} ({_KINDS})(?: how many .*)?$",
        r"average number of \1 per \2",
    ),
    (
        rf"^(?:if|when) (?:i|we|you) divide (?:(?:all|the|number|count|of) )*({_COUNTED}) by "
        rf"(?:(?:the|all|number|count|of) )*({_KINDS})\b.*$",
        r"average number of \1 per \2",
    ),
    (
        rf"\b{_NUMBER} of ({_COUNTED}) (?:divided by|over|by|relative to) (?:the )?{_NUMBER} of (frame"
        rf"|image|picture|session|class)(?:e?s)?\b",
        r"average number of \1 per \2",
    ),
    (
        rf"\b(?:ratio of )({_COUNTED}) to (frame|image|picture|session|sensor|camera|class)(?:e?s)?\b",
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
