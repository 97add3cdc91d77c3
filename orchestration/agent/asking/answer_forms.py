"""What a question says of the form of its answer, and no answer depends on: "name and count", "as a table".

Belongs here: phrases of that sort, which are left out of the text. Does not: what says which rows are meant.
"""

import re

_NUMBER = r"(?:numbers?|counts?|how many|how much|totals?)"
_KNOWN_ORDER = r"(?:closest|nearest|most similar|newest|latest|most recent)"
_POINTED_AT = r"(?:it|that|this|they|those|these|them)"
_PHRASES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "as a little table", "as an overview"
        r",? (?:as|in the form of) (?:a|an|one) (?:(?:little|small|short|plain|simple|quick|nice|single|brief) )*"
        r"(?:table|list|overview|decimal|fraction|csv|glance|number|figure|summary|sentence|line)\b"
        r"(?: (?:please|will do|is fine))?",
        # "one row a class", "a count for each", "name and count"
        r",? (?:with )?(?:one|a|a single) (?:row|line) (?:a|an|per|for each|for every|each) \w+",
        rf",? (?:with |the |and )?(?:its |their )?(?:names?|ids?) (?:and|plus|with) (?:the |its |their )?{_NUMBER}\b",
        r"[,:;] (?:just |only )?(?:one|a single) (?:number|figure)(?: (?:only|please|is enough|will"
        r" do|suffices))*[.!]?$",
        # "the closest first"; of an order that answers do not have the words stay
        rf",? (?:with )?(?:the )?{_KNOWN_ORDER}(?: ones?)? (?:first|on top)\b",
        # "which one is it, and how many does it have?"
        rf"[,:;]? (?:and )?(?:which|what) (?:one |ones )?(?:is|are|was|were) {_POINTED_AT}"
        rf",? and how many (?:(?:frames|labels|images|pictures) )?(?:does|do|did|are|is|has|have)"
        rf" {_POINTED_AT}(?: have| hold)?\b",
        # "all tasks together": of what is counted in all
        r", (?:with |over )?all (?:the )?\w+ (?:(?:taken|counted|put) )?(?:together|combined|included)\b(?! in\b)",
        r",? (?:the )?(?:frames|sessions|those|ones|images|pictures) (?:without any|without labels|with none) "
        r"(?:counted in|included|counted too|too|as well)\b",
        # where a cost is from
        r"(?:^|,? )(?:going |judged |measured )?by (?:the |all |our )?recorded runs(?:, (?=\w)|\b)",
        r",? (?:all|each|every one) (?:of them )?(?:listed|shown|please)\b",
        r" (?:at present|at the present time|as we speak)\b",
    )
)


def drop_forms(text: str) -> str:
    """The text without them; as it is where nothing else would be left."""
    left = text
    for phrase in _PHRASES:
        left = phrase.sub(" ", left)
    left = re.sub(
        r" {2,}| (?=[?.!,;:])", lambda m: " " if len(m.group()) > 1 else "", left
    ).strip()
    return left if re.search(r"\w", left) else text
