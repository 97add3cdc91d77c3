"""Forms that people choose for one question, as the one that examples and the grammar have.

Belongs here: "the classes, which are they?" as "which the classes". Does not: what words mean. Words are without
commas, and names are `<kind>`.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial

from orchestration.agent.asking.thesaurus import AUXILIARIES, COURTESIES

_NAME = r"<\w+>"
_AUXILIARY = "|".join(sorted(AUXILIARIES))
_COURTESY = "|".join(sorted(COURTESIES))
_ASKED = r"how many|how much|how often|how long|how|which|what|who"
_AGAIN = r"they|it|those|these|them|there"
# what people do with captures, of whom "they" speaks then, and not of what was named before
_DOING = "annotate capture collect do film get label make produce record release run shoot take train use"
_LABELLED = r"(?:label|labels|labelled|labeled|labelling|labeling|annotate|annotated|annotation|annotations)"
_Rewrite = Callable[[str], str]


def _put(pattern: str, replacement: str) -> _Rewrite:
    return partial(re.compile(pattern).sub, replacement)


# each is applied in this order to the words with single spaces between them
_REWRITES: tuple[_Rewrite, ...] = (
    # "number of sessions" for "no. of sessions", "# of", "num sessions"
    _put(r"\b(no|nr|num|nbr|qty) of\b", "number of"),
    _put(r"\b(num|nbr) (?!of\b)", "number of "),
    _put(r"\b(what|how|where|who|when|why)s\b", r"\1 is"),
    # "the classes, which are they", "the training, how long it needs"
    _put(rf"^(?:and )?(?:of )?(.+?) (?:and )?({_ASKED})(?: of)? (?:are|is|was|were) (?:{_AGAIN})$", r"\2 \1"),
    # "the release x, into which parts is it cut"
    _put(rf"^((?:\w+ ){{0,2}}{_NAME}) (?=.*\b(?:which|what|how|why)\b)(.*?) (?:it|they)\b", r"\1 \2"),
    # "did it not pass" for "did not it pass"
    _put(rf"\b({_AUXILIARY}) not ((?:the |session )*{_NAME})", r"\1 \2 not"),
    # "the largest one", "which ones"
    _put(r"\b(which|\w+est|most \w+) ones?\b", r"\1"),
    # "what sort of things"
    _put(r"\b(what|which) (?:sort|kind|type)s? of (?:things?|objects?|stuff|items?)\b", "which classes"),
    # "did they use"
    _put(rf"\b({_AUXILIARY}) (?:they|people|someone|somebody|you guys) (?=(?:{_DOING.replace(' ', '|')})\b)", r"\1 "),
    # "break the number down"
    _put(rf"^((?:(?:{_COURTESY}) )*)break (.*?)\bdown\b", r"\1 \2"),
    # "the session with more frames": of Romance languages
    _put(r"\b(session|sensor|camera|class|release|dataset) (?:with|has|have|having) (?:the )?more (?!than)(?!.*\b(?:than|or)\b)", r"\1 with most "),
    # "what data is it trained on"
    _put(r"\b(?:which|what) (?:data|material)\b(?=.*\b(?:trained|learnt|learned|learn|built|fed|based)\b)", "origin"),
    # "counts for all sessions"
    _put(r"\b(counts|totals|numbers) (?:for|of|in|from) (?:(?:all|the|our|different) )+(?=(?:session|sensor|camera|class|categorie|task)(?:s|es)\b)", r"\1 per "),
    _put(r"\b(top|biggest|largest|smallest|most|fewest)\b(.*) by (\w+) (?:count|number)$", r"\1\2 \3"),
    _put(r"\bhow many (?:hours|minutes|seconds|days) (?=(?:do|does|did|would|will|has|have)\b)", "how long "),
    _put(r"\bhow far is (<session>) from\b", r"how different is \1 from"),
    _put(r"\b(?:fare|fares|fared)\b", "compare"),
    _put(r"\bhow man\b", "how many"),
    # "every" of a list
    _put(r"\b(show|list|name|give)( me| us)? (?:every|each)\b", r"\1\2 all"),
    # the home, where no release is named
    _put(r"\b(?:in|of|for|within|across) (?:(?:the|our|this|my|your|whole|entire) )+(?:data set|dataset|data)$", ""),
    _put(r"\b(did|does|do) (.+) capture\b", r"\1 \2 take"),
    _put(rf"\b(?:what|which) (was|were) ((?:the |session )*{_NAME}) (?:recorded|filmed|shot|taken|captured) (?:with|by|on)$", r"which sensors \1 \2 taken"),
    _put(rf"\bwhy (was|is|has|were) ({_NAME}) (?:been )?(?:rejected|refused|turned down|discarded)\b", r"why \1 \2 held"),
    _put(r"\b(?:not|cannot) be (?:decoded|interpreted|loaded|opened|parsed|processed|understood|used)\b", "unreadable"),
    _put(r"\btop (<task>|model)\b", r"best \1"),
    _put(r"\bmodel (?:do|are) (?:we|you|they) (?:currently )?(?:use|using|run|running)\b", "model is champion"),
    # what has to be labelled waits for it
    _put(rf"\b(?:need|needs|require|requires|await|awaits|awaiting) (?:(?:a|any|some|their|to|be|still) )*{_LABELLED}\b", "wait for labels"),
    _put(rf"\b(?:(?:left|remain|remains|remaining) )?(?:must|should|to) (?:(?:we|i|they|you|still|yet|be) )*{_LABELLED}\b", "wait for labels"),
    # what waits is the queue's length
    _put(r"\bbacklog\b|\bhow (?:long|big|large|full) is the (?:\w+ )?queue\b", "queue size"),
    _put(r"\bmost recent(?:ly)?\b", "newest"),
)  # fmt: skip


def reword(words: Sequence[str]) -> list[str]:
    """The same question in the form that is read."""
    text = " ".join(words)
    for rewrite in _REWRITES:
        text = rewrite(text)
    return text.split()
