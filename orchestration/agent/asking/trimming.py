"""What of a text asks something: greetings, thanks, reasons and what was told before the question are left out.

Belongs here: clauses of a text. Does not: what a clause asks. What is left out has no name that the rest lacks, unless
a pronoun stands for it there, and no word of a condition.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.agent.asking.closed_classes import AUXILIARIES

Names = Mapping[str, Sequence[str]]
_QUOTED = r"'[^']*'(?!\w)|\"[^\"]*\""
_SENTENCE = re.compile(
    rf"({_QUOTED})|(?<!\bno)(?<!\bnr)(?<!\bProf)(?<!\bDr)([?!.;]+(?:\s+|$)|\n+)"
)
_CLAUSE = re.compile(rf"({_QUOTED})|(,\s+|:\s+|\s+[-–—]+\s+)")
_LEARN = "know|see|learn|hear|find|get|have|understand|check"
_ASKING = re.compile(
    r"\b(how|which|what|who|whom|whose|where|when|why|list|show|tell|give|state|name|number|count|amount|figure|know|learn"
    rf"|(?:need|want|wish|like|have)(?! to (?!{_LEARN}))|request|ask|looking|find|search|compare|trace"
    r"|diagnose|explain|obliged|grateful|thankful|share"
    r"|percentage|average)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"(dear|hello|hi|hey|greetings|good (morning|afternoon|evening|day)|thanks?|thank you|many thanks|thx|ta|cheers"
    r"|sorry"
    r"|my apologies|apologies|excuse me|pardon|please|i hope (this|you)|hope (this|you)|quick question|no rush|no hurry"
    r"|(just )?(out of|merely) curio\w+"
    r"|if (possible|you can|it is|this is|that is)|only if it is no trouble|and only if"
    r"|(?:i|i am|i'm) (?:only |just |quite )?(?:started|joined|arrived|began|came|new)"
    r"|(?:two|three|a couple of|several) (?:\w+ )?(?:things|questions|points)(?: (?:please|for you|if i may))?(?=\W*$)"
    r"|merely|in advance|if i may|as always|once again|quick one|heads up|fyi|btw|by the way)\b",
    re.IGNORECASE,
)
# how a letter ends, with the name of who wrote it
_CLOSING = re.compile(
    r"[.!?,;]\s+(?:(?:with|my|many|kind|warm|best|kindest|warmest|sincere|very|all the) )*"
    r"(?:thanks|thank you|regards|wishes|greetings|best|yours|sincerely|respectfully|cheers|obliged)\b"
    r"(?: (?:indeed|kindly|very|so|much|in|advance|again|for|your|help|and|regards|best|kind|warm|everyone|all"
    r"|truly|faithfully|sincerely))*"
    r"(?:[,.!]?\s+(?:[A-Z][\w.-]*\s*){1,3})?[.!]?\s*$",
    re.IGNORECASE,
)
# what a clause says of the form of the answer
_FORM = re.compile(
    r"(?:and )?(?:in )?(?:one|a single|just|only|the|a|no) (?:the |a )?(?:number|figure|count|filters?|total)s?"
    r"(?: (?:for|per|of) each)?(?: (?:please|is enough|will do|only|suffices))?|everything included|in total",
    re.IGNORECASE,
)
# of what is asked for by its name alone
_COUNTED = frozenset(
    {"number", "count", "amount", "figure", "share", "name", "state", "list"}
)
_NAMING = re.compile(
    rf"(?:the |a |an )?(?:\w+ )?(?:{'|'.join(sorted(_COUNTED))}|total|average|percentage)s?\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"(for|because|since|as|so|so that|when|before|after|while|until|with|and|but|then|in order|to)? ?"
    r"\b(i|we|my|our|me|us|i'm|i've|we're|we've|i'd|we'd|the (boss|client|customer|team|auditor)\w*)\b"
    r"|to \w+ |(after|before) (the|a|an|our|my) |for (the|a|an|my|our|this|next) |because |so that "
    r"|since (?:the (?!last|past|weekend)|an? |it |there |this |that |they |he |she |nobody |somebody )",
    re.IGNORECASE,
)
# of those who tell something before they ask
_TELLING = re.compile(
    r"(the|a|an|my|our|some|there|this|that|it|they|he|she|we|i|somebody|someone|people|your|his|her|all of)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(only|except|excluding|without|not|no|never|but|than|least|most|leave|leaving|ignore|ignoring|mean|suppose|just)\b",
    re.IGNORECASE,
)
# of a sentence that may leave something out of the question beside it, or only tell of who asks
_DISCLAIMING = re.compile(
    r"(?:i|we|my|our|the|there) (?!mean\b).*\b(?:no|not|never|without|n't|don't|doesn't|only|just)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(its|it|they|them|(?:that|this|the said) "
    r"(?:session|sensor|camera|class|release|dataset|model|frame|picture|image|one)"
    r"|that one|this one)\b",
    re.IGNORECASE,
)
_POINTING_BACK = re.compile(
    r"(and )?((which|what)( ones?)? (are|is) (they|those|these|it|that)|(which|what)( ones?)?,? and why"
    r"|(please )?(list|show|name|give|tell)( me)? (them|those|these)( all)?( please)?)",
    re.IGNORECASE,
)
# how somebody begins who needs what is named then
_NEEDING = re.compile(
    r"(?:i|we) (?:have to|need to|must|should|shall|want to|am to|are to) (?:audit|check|go through"
    r"|review|see|inspect) ",
    re.IGNORECASE,
)
_DAY = re.compile(r"\b(yesterday|today|last \w+|\d{4}-\d\d-\d\d)\b", re.IGNORECASE)
_THAT_DAY = re.compile(r"\bthat (?:day|date|night|week|weekend)\b", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[\w./:-]+")
_NO_NAMES = frozenset({"time", "number"})


def trim(text: str, find_names: Callable[[str], Names]) -> str:
    """The text that asks, with names in place of pronouns for what was named before; all of it where nothing can go.

    Raises LookupError where something else was named before, or left out, and the question does not say whether that
    is meant.
    """
    text = _point_back(_CLOSING.sub("", text) or text)
    sentences = [_Sentence.of(words) for words in _split(text, _SENTENCE)]
    sentences = [one for one in sentences if one.text or one.told]
    asking = [one for one in sentences if one.is_asking] or sentences
    if len(asking) > 1 and any(_DISCLAIMING.match(one.text) for one in asking):
        raise LookupError(text)
    told = [t for one in sentences for t in one.told]
    told += [one.text for one in sentences if one not in asking]
    core = "; ".join(one.text for one in asking if one.text)
    for context in told:
        core = _resolve(core, context, find_names)
    return core or text


def _point_back(text: str) -> str:
    """ "Which frames above 10" for "Frames above 10. Which are they?"."""
    for breaks in (_SENTENCE, _CLAUSE):
        parts = [part for part in _split(text, breaks) if part]
        if len(parts) > 1 and _POINTING_BACK.fullmatch(parts[-1]):
            asked = _NEEDING.sub("", parts[-2])
            return ". ".join([*parts[:-2], f"which {asked}"])
    return text


@dataclass(frozen=True)
class _Sentence:
    """What of a sentence may ask, what it tells beside that, and whether it asks."""

    text: str
    told: tuple[str, ...]
    is_asking: bool

    @classmethod
    def of(cls, words: str) -> "_Sentence":
        kept: list[str] = []
        told: list[str] = []
        for clause in _split(words, _CLAUSE):
            (told if _is_aside(clause) else kept).append(clause)
        text = ", ".join(kept)
        return cls(text, tuple(told), not _is_telling(text))


def _is_aside(clause: str) -> bool:
    """Whether a clause greets, or says why somebody asks."""
    if _GREETING.match(clause) and not _ASKING.search(clause):
        return True
    if _FORM.fullmatch(clause):
        return True
    is_reason = bool(_REASON.match(clause))
    return is_reason and not _ASKING.search(clause) and not _CONDITION.search(clause)


def _is_telling(sentence: str) -> bool:
    if _NAMING.match(sentence):
        return False
    words = sentence.lower().split()
    has_verb = bool(AUXILIARIES.intersection(words)) or bool(_TELLING.match(sentence))
    asks = (m.group(1).lower() for m in _ASKING.finditer(sentence))
    is_said = len(words) > 3 and set(asks) <= _COUNTED
    is_question = bool(words) and words[0] in AUXILIARIES
    return is_said and has_verb and not is_question and not _CONDITION.search(sentence)


def _resolve(core: str, told: str, find_names: Callable[[str], Names]) -> str:
    """The question, once more with what was told where it names what the question lacks."""
    day = _DAY.search(told)
    if day:
        core = _THAT_DAY.sub(day.group(), core)
    mine, named = find_names(core), find_names(told)
    lacking = {
        kind: [name for name in some if name not in mine.get(kind, ())]
        for kind, some in named.items()
        if kind not in _NO_NAMES
    }
    if not any(lacking.values()):
        return core
    again = core if mine.keys() - _NO_NAMES else name_again(core, lacking)
    if again == core:
        raise LookupError(told)
    return again


def name_again(text: str, names: Names) -> str:
    """The text with the one thing that was named before in place of its pronouns; as it is where there are several."""
    found = [
        name for kind, some in names.items() for name in some if kind not in _NO_NAMES
    ]
    if len(found) != 1:
        return text
    return _PRONOUN.sub(lambda _: _quote(found[0]), text)


def _quote(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f"'{name}'"


def _split(text: str, breaks: re.Pattern[str]) -> Iterator[str]:
    """The text between breaks that do not stand in quotation marks."""
    start = 0
    for match in breaks.finditer(text):
        if match.group(2) is not None:
            yield text[start : match.start()].strip()
            start = match.end()
    if text[start:].strip():
        yield text[start:].strip()
