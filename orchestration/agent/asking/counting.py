"""Questions that count or list what is stored, read by their grammar: what is counted, by what, under which conditions.

Belongs here: from words to a `Count`. Does not: its statement. Every word has to have a part in it: what has a word
without one is not read, so that no condition is left out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from orchestration.agent.asking.names import Question
from orchestration.agent.asking.parts import OTHER, Part, list_parts
from orchestration.agent.asking.words import list_deciding

# of names
_KINDS = frozenset({"session", "sensor", "class", "release", "task", "number"})
_ANSWERED_ELSEWHERE = frozenset({"who", "where", "when", "how to", "average"})
_OF_QUEUE = frozenset(
    {"asked", "count", "name", "noun", "queue", "unlabelled"}
)  # roles
_SIZES = ("largest", "smallest")
_ORDERS = {"most": "most", "largest": "most", "least": "least", "smallest": "least"}
# what is counted of a noun, where the question does not say
_COUNTED_OF = {"session": "frame", "sensor": "frame", "class": "label", "part": "frame", "task": "label"}  # fmt: skip
# what every one of a noun has, so that to name it is no condition
_HAS: dict[str, Collection[str]] = {
    "frame": ("session", "sensor"),
    "label": ("frame", "session", "class"),
    "class": ("label", "session", "frame"),
    "session": ("frame",),
    "sensor": ("frame", "session"),
    "part": ("frame",),
    "task": ("label",),
}
# names of which one thing may have several
_HAS_SEVERAL: dict[str, Collection[str]] = {"frame": ("class",), "session": ("class", "sensor")}  # fmt: skip


@dataclass(frozen=True)
class Count:
    """What is asked for: how many of `noun`, for each of `by` ("": in all).

    `order`: "most" or "least", of each only those with so many. `than`: only those with, as ">", so many.
    `is_labelled`: only what has labels; False: what has none. `without`: the kind of names that are left out.
    `is_list`: the rows of the noun are asked for. `is_open`: of the queue, what waits.
    """

    noun: str
    by: str = ""
    order: str = ""
    than: tuple[str, int] | None = None
    is_labelled: bool | None = None
    without: str = ""
    is_list: bool = False
    is_open: bool = False


def read_count(question: Question) -> Count | None:
    """None for a question that asks for something else, or for more."""
    parts = _merge_common(_drop_beginning(list(list_parts(question.words))))
    roles = [part.role for part in parts]
    named = {part.what for part in parts if part.role == "name"}
    if OTHER in roles or not named <= _KINDS or _asks_more(question, parts):
        return None
    if "queue" in roles:
        return _read_queue(parts)
    found = _read_kind(parts, question)
    if found is None or _asks_for_both(found, parts, question):
        return None
    return found if _says_all(found, parts) and _is_asked(found, parts) else None


def _drop_beginning(parts: list[Part]) -> list[Part]:
    """Without what leads to the question and has no part in it: "for my slides: how many ..."."""
    asks = [n for n, part in enumerate(parts) if part.role in ("count", "asked")]
    first = asks[0] if asks else 0
    is_lead = all(part.role in (OTHER, "and") for part in parts[:first])
    return parts[first:] if is_lead else parts


def _merge_common(parts: Sequence[Part]) -> list[Part]:
    """ "Most frequent" is said of a class as "largest" is of a session."""
    if not _has(parts, "common"):
        return list(parts)
    sizes = {"most": "largest", "least": "smallest"}
    left = (part for part in parts if part.role != "common")
    return [replace(part, role=sizes.get(part.role, part.role)) for part in left]


def _asks_more(question: Question, parts: Sequence[Part]) -> bool:
    """Whether it asks who or why, has two conditions that change the count, or counts two things."""
    is_elsewhere = _ANSWERED_ELSEWHERE.intersection(list_deciding(question.words))
    narrowing = [p for p in parts if p.role in (*_ORDERS, "each", "than", "not", "unlabelled")]  # fmt: skip
    behind = [part for a, part in pairwise(_merge_repeated(parts)) if a.role == "and"]
    is_two = any(part.role in ("noun", "count") for part in behind)
    # "for training, and how many for testing" is one
    is_two = is_two and "part" not in _list_nouns(parts)
    return bool(is_elsewhere) or len(narrowing) > 1 or is_two


def _merge_repeated(parts: Sequence[Part]) -> list[Part]:
    """ "How many of <session> and how many of <session>" counts one thing."""
    repeated = [
        at
        for at in range(1, len(parts) - 1)
        if parts[at] == Part("count")
        and (parts[at - 1].role, parts[at + 1].role) == ("and", "name")
    ]
    return [part for at, part in enumerate(parts) if at not in repeated]


def _read_queue(parts: Sequence[Part]) -> Count | None:
    """How many frames wait; nothing else is told of the queue."""
    roles = {part.role for part in parts}
    nouns = _list_nouns(parts)
    is_asked = "count" in roles or ("asked" in roles and nouns == {"label"})
    is_known = roles <= _OF_QUEUE and is_asked
    is_of_frames = nouns <= {"frame", "label"}
    return Count("frame", is_open=True) if is_known and is_of_frames else None


def _read_kind(parts: Sequence[Part], question: Question) -> Count | None:
    for part in parts:
        if part.role == "each":
            return _read_each(parts, question)
        if part.role in _ORDERS:
            return _read_order(parts, part.role, question)
        if part.role == "than":
            return _read_comparison(parts, part.what, question)
        if part.role in ("not", "unlabelled"):
            return _read_negation(parts, part.role, question)
    return _read_plain(parts, question)


def _read_each(parts: Sequence[Part], question: Question) -> Count | None:
    by = _find_noun(parts, "each") or _find_noun(parts)
    if by == "label":  # "the distribution of labels"
        by = "class"
    noun = _find_other(parts, by) or _find_counted(by, question)
    return Count(noun, by) if by and noun else None


def _read_order(parts: Sequence[Part], role: str, question: Question) -> Count | None:
    """ "Which session has most frames", "the largest session", "the most frequent class"."""
    at = [part.role for part in parts].index(role)
    is_number = parts[at + 1 : at + 2] == [
        Part("count")
    ]  # "the largest number of frames"
    is_size = role in _SIZES and not is_number
    if is_size and _has(parts, "count"):  # "how many labels has the largest session"
        return None
    behind = _find_noun(parts, role)
    others = _find_other(parts, behind)
    by = behind if behind and (is_size or not others) else others
    noun = _find_other(parts, by) or _find_counted(by, question)
    return Count(noun, by, _ORDERS[role]) if by and noun else None


def _read_comparison(
    parts: Sequence[Part], sign: str, question: Question
) -> Count | None:
    """ "Sessions with more than 10 frames". How many such there are is not counted."""
    noun = _find_noun(parts, "than")
    by = _find_other(parts, noun)
    numbers = question.names.get("number", ())
    if not (by and noun) or len(numbers) != 1 or _has(parts, "count"):
        return None
    return Count(noun, by, than=(sign, int(numbers[0])))


def _read_negation(
    parts: Sequence[Part], role: str, question: Question
) -> Count | None:
    """ "Frames without labels", "frames that are not of <sensor>", "sessions without <class>"."""
    at = [part.role for part in parts].index(role)
    behind = parts[at + 1 : at + 2]
    rest = [*parts[:at], *(parts[at + 1 :] if role == "unlabelled" else parts[at + 2 :])]  # fmt: skip
    if role == "not" and not behind:
        return None
    found = _read_plain(rest, question)
    if found is None or found.is_labelled is not None:
        return None
    if found.by:  # a list of sessions, and not of all of them with counts
        found = Count(found.by, is_list=True)
    if role == "unlabelled" or behind[0] == Part("noun", "label"):
        may_lack = found.noun in ("frame", "session")
        return replace(found, is_labelled=False) if may_lack else None
    is_named = behind[0].role == "name" and behind[0].what != "number"
    is_named = is_named and behind[0] not in rest  # "of <sensor> and not of <sensor>"
    return replace(found, without=behind[0].what) if is_named else None


def _read_plain(parts: Sequence[Part], question: Question) -> Count | None:
    """A number, or the names that there are, with how much each has."""
    if "part" in _list_nouns(parts):
        return Count("frame", "part")
    noun = _find_compound(parts) or _find_noun(parts, "count") or _find_noun(parts)
    if not noun:
        # what a class or dataset is as large as
        of = {"class": "label", "release": "frame", "session": "frame"}
        named = [of[kind] for kind in of if kind in question.names]
        return Count(named[0]) if named and _has(parts, "count") else None
    others = _list_nouns(parts) - {noun}
    is_labelled = True if "label" in others and noun in ("frame", "session") else None
    found = Count(noun, is_labelled=is_labelled)
    is_bare = parts == [Part("noun", "release")]  # "datasets?"
    is_asked = (_has(parts, "asked") or is_bare) and not _has(parts, "count")
    if noun == "label" and is_asked and not others:  # "which labels do we use"
        return Count("label", "class")
    if noun in ("sensor", "class", "session") and not _has(parts, "count"):
        counted = "label" if is_labelled else _find_counted(noun, question)
        return Count(counted, noun)
    return replace(found, is_list=is_asked)


def _says_all(found: Count, parts: Sequence[Part]) -> bool:
    """Whether each noun, number and word of doing is in it, or true of all that is counted."""
    told = {found.noun, found.by} | ({"label"} if found.is_labelled is not None else set())  # fmt: skip
    known = {*told, *_HAS.get(found.noun, ()), *_HAS.get(found.by, ())}
    done = {part.what for part in parts if part.role == "done"}
    is_number_left = _has(parts, "name", "number") and found.than is None
    return not is_number_left and {*_list_nouns(parts), *done} <= known


def _asks_for_both(found: Count, parts: Sequence[Part], question: Question) -> bool:
    """Whether what has each of two names may be meant, "frames with <class> and <class>", which is not counted."""
    is_of_session = found.by == "session" and found.noun not in _list_nouns(parts)
    kinds = _HAS_SEVERAL.get("session" if is_of_session else found.noun, ())
    several = [kind for kind in kinds if len(question.names.get(kind, ())) > 1]
    return bool(several) and not found.without and found.by not in several


def _is_asked(found: Count, parts: Sequence[Part]) -> bool:
    """Whether a number or a list is asked for, and not all of the rows that there are."""
    kinds = {part.what for part in parts if part.role == "name"}
    is_narrowed = bool(kinds) or found.is_labelled is not None
    if _has(parts, "count") or found.order or found.than or _has(parts, "each"):
        return True
    if found.is_list:
        return found.noun == "release" or (is_narrowed and kinds != {"task"})
    if found.by:
        return found.by != "session" or is_narrowed
    return is_narrowed and found.noun in ("frame", "label", "capture")


def _list_nouns(parts: Sequence[Part]) -> set[str]:
    return {part.what for part in parts if part.role == "noun"}


def _find_noun(parts: Sequence[Part], behind: str = "") -> str:
    """The first noun, of all or behind a role."""
    roles = [part.role for part in parts]
    start = roles.index(behind) + 1 if behind in roles else 0
    if behind and not start:
        return ""
    return next((p.what for p in parts[start:] if p.role == "noun"), "")


def _find_compound(parts: Sequence[Part]) -> str:
    """The noun of "frame count"."""
    pairs = pairwise(parts)
    return next((a.what for a, b in pairs if (a.role, b.role) == ("noun", "count")), "")


def _find_other(parts: Sequence[Part], noun: str) -> str:
    """The first noun that is another."""
    return next((p.what for p in parts if p.role == "noun" and p.what != noun), "")


def _find_counted(noun: str, question: Question) -> str:
    """What is counted of one, where the question does not say: where it names a class its labels."""
    is_of_labels = "class" in question.names and noun in ("session", "task")
    return "label" if is_of_labels else _COUNTED_OF.get(noun, "")


def _has(parts: Sequence[Part], role: str, what: str | None = None) -> bool:
    return any(p.role == role and what in (None, p.what) for p in parts)
