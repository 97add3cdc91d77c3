"""Questions that count or list what is stored, read by their grammar: what is counted, by what, under which conditions.

Belongs here: from words to a `Count`. Does not: its statement. Every word has to have a part in it: what has a word
without one is not read, so that no condition is left out. What holds of any question (a share, what is left out, what
has both of two names) is taken out first; what is left is a number, a list, or the most.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from orchestration.agent.asking.names import Question
from orchestration.agent.asking.parts import OTHER, Part, list_parts
from orchestration.agent.asking.stored import has_one, may_have_several
from orchestration.agent.asking.words import list_deciding

# of names
_KINDS = frozenset({"session", "sensor", "class", "release", "task", "number"})
_ANSWERED_ELSEWHERE = frozenset(
    {"who", "where", "when", "how to", "person", "future", "other"}
)
_OF_QUEUE = frozenset(
    {"asked", "count", "name", "noun", "queue", "unlabelled"}
)  # roles
_SIZES = ("largest", "smallest")
_ORDERS = {"most": "most", "largest": "most", "least": "least", "smallest": "least"}
# what is counted of a noun, where the question does not say
_COUNTED_OF = {"session": "frame", "sensor": "frame", "class": "label", "part": "frame", "task": "label",
               "release": "frame"}  # fmt: skip
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
# how two names are said that a thing has both of
_OF_BOTH = frozenset(
    {"with", "have", "has", "having", "show", "shows", "showing", "contain"}
    | {"contains", "containing", "see", "carry", "in", "on"}
)


@dataclass(frozen=True)
class Count:
    """What is asked for: how many of `noun`, for each of `by` ("": in all).

    `order`: "most" or "least", of each only the first `limit` with so many. `than`: only those with, as ">", so many;
    `is_counted`: how many those are. `figure`: "average", "median", "most" or "least" of the numbers of each.
    `share_of`: the percentage that has this condition, a kind of names or "label"; by each, of all.
    `is_labelled`: only what has labels; False: what has none. `without`: the kind of names that are left out, but the
    first `num_kept`. `together_of`: the kind of which it has all names; `is_only`: and no others.
    `is_list`: the rows of the noun are asked for. `is_open`: of the queue, what waits.
    """

    noun: str
    by: str = ""
    order: str = ""
    limit: int = 1
    than: tuple[str, int] | None = None
    is_counted: bool = False
    figure: str = ""
    share_of: str = ""
    is_labelled: bool | None = None
    without: str = ""
    num_kept: int = 0
    together_of: str = ""
    is_only: bool = False
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
    found = _read_share(parts, question)
    if found is None or not _says_all(found, parts, question):
        return None
    return found if _is_asked(found, parts) else None


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
    """Whether it asks who or why, or counts two things."""
    is_elsewhere = _ANSWERED_ELSEWHERE.intersection(list_deciding(question.words))
    behind = [part for a, part in pairwise(_merge_repeated(parts)) if a.role == "and"]
    is_two = any(part.role in ("noun", "count") for part in behind)
    # "for training, and how many for testing" is one
    is_two = is_two and "part" not in _list_nouns(parts)
    groups = [
        p for p in parts if p.role == "each" and p.what
    ]  # "per class per session"
    return bool(is_elsewhere) or is_two or len(groups) > 1


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


def _read_share(parts: Sequence[Part], question: Question) -> Count | None:
    """ "What share of the frames has labels", "percentage of each class"."""
    if not _has(parts, "share"):
        return _read_left_out(parts, question)
    rest = _drop(parts, "count", "asked")
    counted = [Part("count") if part.role == "share" else part for part in rest]
    found = _read_left_out(counted, question)
    if found is None or found.order or found.than or found.figure or found.is_list:
        return None
    if found.by:
        return replace(found, share_of=found.by)
    of = _find_share(found, question)
    return replace(found, share_of=of) if of else None


def _find_share(found: Count, question: Question) -> str:
    """The condition of which the share is asked: labels, or else names; "" where it could be either of two."""
    if found.is_labelled is not None:
        return "label"
    kinds = [kind for kind in question.names if kind != "number"]
    return kinds[0] if len(kinds) == 1 else ""


def _read_left_out(parts: Sequence[Part], question: Question) -> Count | None:
    """ "Frames without labels", "frames that are not of <sensor>", "sessions with <class> and without <class>"."""
    negated = [n for n, part in enumerate(parts) if part.role in ("not", "unlabelled")]
    if not negated:
        return _read_together(parts, question)
    at = negated[0]
    behind = _list_left_out(parts, at)
    rest = [*parts[:at], *parts[at + 1 + len(behind) :]]
    found = _read_together(rest, question) if len(negated) == 1 else None
    if found is None or found.is_labelled is not None:
        return None
    is_condition = found.by and not (found.order or found.than or found.figure)
    if is_condition and not _has(parts, "each"):  # of a list of sessions
        found = Count(found.by, is_list=True)
    behind = [part for part in behind if len(behind) == 1 or part.role != "noun"]
    if parts[at].role == "unlabelled" or behind == [Part("noun", "label")]:
        return _leave_labels(found)
    return _leave_names(found, parts[:at], behind, rest)


def _list_left_out(parts: Sequence[Part], at: int) -> list[Part]:
    """What stands behind "without": a noun, or names of one kind."""
    if parts[at].role == "unlabelled":
        return []
    behind = list(parts[at + 1 : at + 2])
    named = list(parts[at + 2 : at + 3])
    if behind == [Part("noun", "label")] and named == [Part("name", "class")]:
        return [*behind, *named]  # "not labelled <class>"
    for joint, part in pairwise(parts[at + 2 :]):
        if joint.role not in ("and", "or") or part not in behind:
            break
        behind += [joint, part]
    return behind


def _leave_labels(found: Count) -> Count | None:
    may_lack = found.noun in ("frame", "session")
    return replace(found, is_labelled=False) if may_lack else None


def _leave_names(
    found: Count, before: Sequence[Part], behind: Sequence[Part], rest: Sequence[Part]
) -> Count | None:
    if not behind or behind[0].role != "name" or behind[0].what == "number":
        return None
    kind = behind[0].what
    num_before = before.count(behind[0])
    is_mixed = rest.count(behind[0]) > num_before or (
        num_before and not may_have_several(found.noun, kind)
    )
    is_of_each = bool(found.by) and may_have_several(found.by, kind)
    if is_mixed or (is_of_each and found.by != kind):
        return None
    return replace(found, without=kind, num_kept=num_before)


def _read_together(parts: Sequence[Part], question: Question) -> Count | None:
    """ "Frames with both <class> and <class>", "frames with only <class>"."""
    is_both = _has(parts, "both") or _has(parts, "together")
    is_only = _has(parts, "only")
    found = _read_kind(_drop(parts, "both", "together", "only"), question)
    if found is None:
        return None
    if is_both and found == Count("label") and not _list_nouns(parts):
        found = Count("frame")  # "<class> and <class> in one frame"
    noun = found.by if _is_list_of(found, parts) else found.noun
    kinds = [
        k
        for k in question.names
        if may_have_several(noun, k) and _count_names(parts, k) > (0 if is_only else 1)
    ]
    if not kinds:
        is_said = is_only or (_has(parts, "both") and not _has_two(parts))
        return None if is_said else found
    is_and = _has(parts, "and") and bool(_OF_BOTH.intersection(question.words))
    if found.by and noun != found.by:
        return found if found.by in kinds else None
    if _has(parts, "or"):
        return found if noun == found.noun and not is_both else None
    if not (is_both or is_only or is_and) or (is_only and is_both):
        return None
    if noun == found.by:
        found = Count(noun, is_list=True)
    return replace(found, together_of=kinds[0], is_only=is_only)


def _is_list_of(found: Count, parts: Sequence[Part]) -> bool:
    """Whether what is counted is not said: "which sessions have <class>" asks for sessions."""
    is_plain = not (found.order or found.than or found.figure or _has(parts, "each"))
    return bool(found.by) and is_plain and found.noun not in _list_nouns(parts)


def _count_names(parts: Sequence[Part], kind: str) -> int:
    return sum(part.role == "name" and part.what == kind for part in parts)


def _has_two(parts: Sequence[Part]) -> bool:
    names = [part.what for part in parts if part.role == "name"]
    return len(names) > len(set(names))


def _read_kind(parts: Sequence[Part], question: Question) -> Count | None:
    figures = [r for r in ("average", "median") if _has(parts, r)]
    orders = [part.role for part in parts if part.role in _ORDERS]
    if orders:  # "the top class by labels", "which session per session"
        is_named = _find_noun(parts, "each") == _find_noun(parts)
        parts = [
            p for p in parts if p.role != "each" or not (is_named or p.what == "by")
        ]
    than = [part for part in parts if part.role == "than"]
    has_each = _has(parts, "each")
    if len(figures) + len(orders) + len(than) > 1:
        return None
    if figures:
        return _read_figure(_drop(parts, figures[0]), figures[0], question)
    if orders and has_each:  # "the largest number of frames per session"
        return _read_figure(_drop(parts, orders[0]), _ORDERS[orders[0]], question)
    if orders:
        return _read_order(parts, orders[0], question)
    if than:
        return _read_comparison(parts, than[0], question)
    return _read_each(parts, question) if has_each else _read_plain(parts, question)


def _read_figure(
    parts: Sequence[Part], figure: str, question: Question
) -> Count | None:
    """ "Average number of frames per session", "how many labels has a frame on average"."""
    counted = _find_noun(parts, "count")
    by = _find_noun(parts, "each") or _find_other(parts, counted or _find_noun(parts))
    if not by:
        by, counted = counted or _find_noun(parts), ""
    noun = counted if counted not in ("", by) else _find_other(parts, by)
    noun = noun or _find_counted(by, question)
    if noun and has_one(by, noun):  # "how large is a session in frames"
        noun, by = by, noun
    return Count(noun, by, figure=figure) if by and noun else None


def _read_each(parts: Sequence[Part], question: Question) -> Count | None:
    last = [part.role for part in parts][::-1].index("each")
    by = _find_noun(parts[-last - 1 :]) or _find_noun(parts)
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
    if not (by and noun):
        return None
    if has_one(by, noun):  # "which class is the most frequent among the labels"
        noun, by = by, noun
    return Count(noun, by, _ORDERS[role], _read_limit(parts, at, question))


def _read_limit(parts: Sequence[Part], at: int, question: Question) -> int:
    """How many of the first are asked for: "the <number> largest", "top <number>"."""
    is_beside = Part("name", "number") in parts[max(0, at - 1) : at + 2]
    return int(question.first("number")) if is_beside else 1


def _read_comparison(
    parts: Sequence[Part], than: Part, question: Question
) -> Count | None:
    """ "Sessions with more than 10 frames", "how many frames have exactly one <class>"."""
    at = parts.index(than)
    behind = parts[at + 1 + (than.number is None) : at + 3]
    is_of_class = behind[:1] == [Part("name", "class")]
    noun = (
        "label"
        if is_of_class
        else _find_noun(parts, "than") or _find_noun(parts[at::-1])
    )
    by = _find_other(parts, noun)
    numbers = [int(n) for n in question.names.get("number", ())]
    numbers += [than.number] if than.number is not None else []
    if not (by and noun) or len(numbers) != 1:
        return None
    is_counted = _find_noun(parts, "count") == by
    return Count(noun, by, than=(than.what, numbers[0]), is_counted=is_counted)


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


def _says_all(found: Count, parts: Sequence[Part], question: Question) -> bool:
    """Whether each noun, number and word of doing is in it, or true of all that is counted."""
    is_of_labels = found.is_labelled is not None or "class" in question.names
    told = {found.noun, found.by} | ({"label"} if is_of_labels else set())
    known = {*told, *_HAS.get(found.noun, ()), *_HAS.get(found.by, ())}
    done = {part.what for part in parts if part.role == "done"}
    num_told = (found.limit > 1) + (found.than is not None)
    is_number_left = _count_names(parts, "number") > num_told
    return not is_number_left and {*_list_nouns(parts), *done} <= known


def _is_asked(found: Count, parts: Sequence[Part]) -> bool:
    """Whether a number or a list is asked for, and not all of the rows that there are."""
    kinds = {part.what for part in parts if part.role == "name"}
    is_narrowed = bool(kinds) or found.is_labelled is not None
    is_figure = bool(found.order or found.than or found.figure or found.share_of)
    if _has(parts, "count") or is_figure or _has(parts, "each"):
        return True
    if found.is_list:
        return found.noun == "release" or (is_narrowed and kinds != {"task"})
    if found.by:
        return found.by != "session" or is_narrowed
    return is_narrowed and found.noun in ("frame", "label", "capture")


def _drop(parts: Sequence[Part], *roles: str) -> list[Part]:
    return [part for part in parts if part.role not in roles]


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
    """The noun of "frame count"; in "the frames are of how many sensors" it is another."""
    for at, (one, other) in enumerate(pairwise(parts)):
        is_followed = any(part.role == "noun" for part in parts[at + 2 : at + 3])
        if (one.role, other.role) == ("noun", "count") and not is_followed:
            return one.what
    return ""


def _find_other(parts: Sequence[Part], noun: str) -> str:
    """The first noun that is another."""
    return next((p.what for p in parts if p.role == "noun" and p.what != noun), "")


def _find_counted(noun: str, question: Question) -> str:
    """What is counted of one, where the question does not say: where it names a class its labels."""
    is_of_labels = "class" in question.names and noun in (
        "session",
        "sensor",
        "task",
        "frame",
    )
    return "label" if is_of_labels else _COUNTED_OF.get(noun, "")


def _has(parts: Sequence[Part], role: str, what: str | None = None) -> bool:
    return any(p.role == role and what in (None, p.what) for p in parts)
