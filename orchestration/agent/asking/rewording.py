"""Forms that people choose for one question, as the one that examples and the grammar have.

Belongs here: "the classes, which are they?" as "which the classes". Does not: what words mean. Words are without
commas, and names are `<kind>`.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial

from orchestration.agent.asking.closed_classes import AUXILIARIES, COURTESIES
from orchestration.agent.asking.count_forms import list_count_forms

_NAME = r"<\w+>"
_A_NAME = rf"(?:the |session )*{_NAME}"
_AUXILIARY = "|".join(sorted(AUXILIARIES))
_COURTESY = "|".join(sorted(COURTESIES))
_ASKED = r"how many|how much|how often|how long|how|which|what|who"
_AGAIN = r"they|it|those|these|them|there"
# what people do with captures, of whom "they" speaks then, and not of what was named before
_DOING = "annotate|capture|collect|do|film|get|label|make|produce|record|release|run|shoot|take|train|use"
_LABELLED = r"(?:label(?:s|led|ed|ling|ing)?|annotat(?:e|ed|ion|ions))"
_Rewrite = Callable[[str], str]


def _put(pattern: str, replacement: str) -> _Rewrite:
    return partial(re.compile(pattern).sub, replacement)


_BEFORE = r"^(?:(?!<|only|without|except|not|how|which|what|who|why|number|every|each|per)\S+ )*?"
_ASKER = r"(?:i|we|you)"
# ways to ask politely, or to say that one asks
_PLEAS = "|".join(
    (
        rf"(?:can|could|would|will|might|may) {_ASKER} (?:\w+ ){{0,3}}?(?:tell|let|give|list|show|state|say|send|ask|"
        r"name|trouble|provide|share|find|look|report|have|get|help|mind|request|diagnose|check|explain)"
        r"(?: (?:me|us|you))?"
        r"(?: (?:know|have|with|up|out|for|telling|what it is))*",
        r"(?:be )?(?:so|very|most) (?:kind|good|nice) (?:as )?to (?:tell|let|give|list|show|state|say|send|name)"
        r"(?: (?:me|us))?(?: (?:know|have))?",
        r"(?:i|we) (?:\w+ ){0,3}?(?:need|want|wish|request|require|wonder|like|love|grateful|thankful|obliged|glad|"
        r"happy|interested|curious)"
        r"(?: (?:for|if|to|in|about|you|could|can|tell|me|know|learn|hear|see|get|find|out|have|whether))*",
        r"(?:please|kindly) (?:be so \w+ as to )?(?:list|tell|state|show|give|send|name|report|say)(?: (?:me|us))?",
        r"(?:would|should|am|be) (?:\w+ ){0,2}(?:obliged|grateful|thankful|glad|happy|interested|curious)"
        r"(?: (?:for|if|to|in|about|you|could|can|tell|me|know|learn|hear|see|get|find|out|have|whether))*",
        r"trouble you for|is there (?:a|any) way to (?:see|know|tell)|do you (?:happen to )?know|any idea",
    )
)
# each is applied in this order to the words with single spaces between them
_REWRITES: tuple[_Rewrite, ...] = (
    # bounds of times
    _put(r"\b(?:at|on) or (?:after|later than) (?=[\d-]{10}\b)", "since "),
    _put(r"\b(?:at|on) or (?:before|earlier than) (?=[\d-]{10}\b)", "until "),
    _put(r"\b(?:prior to|older than|earlier than|ahead of) (?=[\d-]{10}\b)", "before "),
    _put(r"\b(?:newer than|later than|younger than) (?=[\d-]{10}\b)", "after "),
    _put(r"\bfrom ([\d-]{10}) (?:on|onwards?|forwards?)\b", r"since \1"),
    # what waits for a decision, and what has one
    _put(
        r"\b(?:(?:wait|waits|waiting|open|pending) )?(?:need|needs|needing|require|requires|for|await|awaits|awaiting) "
        r"(?:(?:a|an|my|our|the) )*(?:decision|approval|verdict)s?\b",
        "wait for approval",
    ),
    _put(r"\b(?:open|pending) (?:and|or|as well as) (?:closed|decided)\b", "decided"),
    # "lay out the differences", "make me a list of"
    _put(
        rf"^((?:(?:{_COURTESY}) )*)(?:(?:set|lay|spell|dig) out|(?:pull|bring) up|"
        r"(?:run|walk|take) me through|(?:get|fetch) me) ",
        r"\1list ",
    ),
    _put(
        rf"^((?:(?:{_COURTESY}) )*)(?:make|write|draw up|put together|compile) (?:me )?(?:a|the) (?:list|table) of ",
        r"\1list ",
    ),
    _put(
        r"\b(?:do|does) not (?:even )?(?:have|reach|hold|contain) (?=\d)",
        "with fewer than ",
    ),
    _put(r"\b(how many .*) (?:until|till|up to|as of) (?:today|now)\b", r"\1"),
    _put(
        r"\b(?:(?:i|we) (?:should|must|can|could|may|have to|need to|(?:am|are) (?:supposed|meant|expected) to)"
        r"|for (?:me|us) to) (?:approve|decide)(?: on)?\b",
        "wait for approval",
    ),
    _put(r"\b(?:is|are|was|were) part of\b", "of"),
    # "where is <class> labelled, in which sessions"
    _put(r"^where (.+?) (?:in )?(which sessions?)$", r"\2 \1"),
    # what helps
    _put(
        r"\bhow (?:do|can|could|would|should) (?:i|we) (?:get|bring|make) (?:it |that |them )?"
        r"(?:through|going|moving|unstuck|unblocked|fixed|work|working)\b",
        "what helps",
    ),
    _put(r"\b(?:on|at|from) our (?:side|end)\b", ""),
    _put(r"^(?:would|could|will) you be so \w+ (?:as )?to (?=count\b)", ""),
    _put(r"\bout of distribution\b", "drifted"),
    _put(
        r"^(?:between|from) (?:release |the )*<release> (?:and|to) (?:release |the )*<release>",
        "compare <release> and <release>",
    ),
    # "kindly let me know how many"
    _put(rf"{_BEFORE}(?:{_PLEAS})\b ?(?!$)", ""),
    # why somebody asks
    _put(
        r" (?:for (?:my|our|the|a|an) (?!other\b)(?!.*(?:<|with|per|each))[\w ]{1,40}|(?:so that"
        r"|because) (?:i|we)\b(?!.*<).*)$",
        "",
    ),
    # "on how many frames is nobody"
    _put(r"\bto (?:which|whom) nobody has given a\b", "nobody has"),
    _put(r"\brunning total\b", "number"),
    _put(r"^(.*<(session|sensor|class)>) (?:vs|versus|against) (?=<\2>)", r"\1 and "),
    _put(r",? (?:and )?how (?:often|many) (?:of )?(?:them )?each(?: one)?$", ""),
    _put(
        r",? with (?:their |its |the )?(?:respective )?(?:counts?|numbers|totals)$",
        "",
    ),
    _put(r"\b(?:that )?(?:we|they) (?:have |had )?(?:cut|made|built)$", ""),
    _put(r"\bfor (?:the |our |my )?(?:label+ers|annotators)\b", "for labels"),
    _put(r"\b(queue|wait\w*) without (?:an )?answers?\b", r"\1"),
    _put(r"^(?!.*(?:<model>|<task>|\bmodels?\b|\bnets?\b))(.*) in use\b", r"\1"),
    # "the test part of <release> that it has"
    _put(rf"({_NAME}.*?) (?:in |of )?(?:its|it|they|them)\b", r"\1"),
    _put(r"\b(cameras|sensors|cams) (?:fed|feed|feeds)\b", r"\1 has"),
    _put(
        r"^(?:and )?(?:how|where) (?:do|can|could) (?:i|we) (?:find out|see|know|learn|tell|check)"
        r" (?=(?:how|which|what)\b)",
        "",
    ),
    # "since 2 days"
    _put(
        r"\bsince (?=(?:\d+|two|three|four|five|six|seven|a few|a couple of) (?:minutes|hours|days"
        r"|weeks|months)\b(?! ago))",
        "in the last ",
    ),
    # "number of sessions" for "no. of sessions", "num sessions"
    _put(r"\b(no|nr|num|nbr|qty) of\b", "number of"),
    _put(r"\b(num|nbr) (?!of\b)", "number of "),
    _put(r"\bhow man\b", "how many"),
    _put(r"\b(what|how|where|who|when|why)s\b", r"\1 is"),
    _put(r"\bmost recent(?:ly)?\b", "newest"),
    # "the classes, which are they", "the training, how long it needs"
    _put(
        rf"^(?:and )?(?:of )?(.+?) (?:and )?({_ASKED})(?: of)? (?:are|is|was|were) (?:{_AGAIN})$",
        r"\2 \1",
    ),
    # "the release x, into which parts is it cut"
    _put(
        rf"^((?:\w+ ){{0,2}}{_NAME}) (?=.*\b(?:which|what|how|why)\b)(.*?) (?:it|they)\b",
        r"\1 \2",
    ),
    # "did it not pass" for "did not it pass"
    _put(rf"\b({_AUXILIARY}) not ((?:the |session )*<session>)(?= \w)", r"\1 \2 not"),
    # "the largest one", "which ones"
    _put(r"\b(which|\w+est|most \w+) ones?\b", r"\1"),
    # "what sort of things"
    _put(
        r"\b(?:what|which) (?:sort|kind|type)s? of (?:things?|objects?|stuff|items?)\b",
        "which classes",
    ),
    # "what cameras did they use"
    _put(
        rf"\b({_AUXILIARY}) (?:they|people|someone|somebody|you guys) (?=(?:{_DOING})\b)",
        r"\1 ",
    ),
    _put(r"\b(did|does|do) (.+) capture\b", r"\1 \2 take"),
    # "break the number down"
    _put(rf"^((?:(?:{_COURTESY}) )*)break (.*?)\bdown\b", r"\1 \2"),
    # "the session with more frames": of Romance languages
    _put(
        r"\b(session|sensor|camera|class|release|dataset) (?:with|has|have|having) (?:the )?more "
        r"(?!than\b|as\b)(?!.*\b(?:than|or)\b)",
        r"\1 with most ",
    ),
    # "counts for all sessions", "top session by frame count"
    _put(
        r"\b(counts|totals|numbers) (?:for|of|in|from) (?:(?:all|the|our|different) )+"
        r"(?=(?:sessions|sensors|cameras|classes|categories|tasks)\b)",
        r"\1 per ",
    ),
    _put(
        r"\b(top|biggest|largest|smallest|most|fewest)\b(.*) by (\w+) (?:count|number)$",
        r"\1\2 \3",
    ),
    *(partial(pattern.sub, put) for pattern, put in list_count_forms()),
    # "<session> and <session>: how many frames each"
    _put(rf"^(.*{_NAME}.*) each$", r"\1"),
    _put(rf"\b(?:keeps|kept|stops|prevents) ({_NAME}) from\b", r"blocks \1"),
    _put(
        r"\bwhat (?:should|can|could) (?:i|we) do(?: about it| against it)?$",
        "what helps",
    ),
    _put(r"^what (?:does|do) (.+) mean$", r"definition of \1"),
    _put(r"^explain what (an? .+) (?:is|are|means?)$", r"definition of \1"),
    # "every" of a list
    _put(r"\b(show|list|name|give)( me| us)? (?:every|each)\b", r"\1\2 all"),
    # how long something takes, and how far it is from something
    _put(
        r"\bhow many (?:hours|minutes|seconds|days) (?=(?:do|does|did|would|will|has|have)\b)",
        "how long ",
    ),
    _put(
        r"\bhow far (?:is|did|has) (<session>) (?:move |moved |drift |drifted |go |gone )?(?:away )?from\b",
        r"how different is \1 from",
    ),
    _put(r"\b(?:fare|fares|fared)\b", "compare"),
    # "what data is it trained on"
    _put(
        r"\b(?:which|what) (?:data|material)\b(?=.*\b(?:trained|learnt|learned|learn|built|fed|based)\b)",
        "origin",
    ),
    # the home, where no release is named
    _put(
        r"\b(?:in|of|for|within|across) (?:(?:the|our|this|my|your|whole|entire) )+(?:data set|dataset|data)$",
        "",
    ),
    # "what was it recorded with"
    _put(
        rf"\b(?:what|which) (was|were) ({_A_NAME}) (?:recorded|filmed|shot|taken|captured) (?:with|by|on)$",
        r"which sensors \1 \2 taken",
    ),
    # what is refused, and what cannot be read
    _put(
        rf"\bwhy (was|is|has|were) ({_NAME}) (?:been )?(?:rejected|refused|turned down|discarded)\b",
        r"why \1 \2 held",
    ),
    _put(
        r"\b(?:not|cannot) be (?:decoded|interpreted|loaded|opened|parsed|processed|understood|used)\b",
        "unreadable",
    ),
    _put(
        r"^(?:put|hold|set|pit) ((?:the )?(?:model )?<model>) (?:up )?(?:against|beside|next to|alongside)\b",
        r"compare \1 with",
    ),
    _put(r"(<model>) on (?:the same|one|an equal) (?:exam|test|footing)\b", r"\1"),
    # the model that is in use
    _put(r"\btop (<task>|model)\b", r"best \1"),
    _put(
        r"\bmodel (?:do|are) (?:we|you|they) (?:currently )?(?:use|using|run|running)\b",
        "model is champion",
    ),
    # what has to be labelled waits for it, and what waits is the queue
    _put(
        r"\b(?:need|needs|require|requires|await|awaits|awaiting) "
        rf"(?:(?:a|any|some|their|to|be|still) )*{_LABELLED}\b",
        "wait for labels",
    ),
    _put(
        r"\b(?:(?:left|remain|remains|remaining) )?(?:must|should|to) "
        rf"(?:(?:we|i|they|you|still|yet|be) )*{_LABELLED}\b",
        "wait for labels",
    ),
    _put(
        r"\bbacklog\b|\bhow (?:long|big|large|full) is the (?:\w+ )?queue\b",
        "queue size",
    ),
)


def reword(words: Sequence[str]) -> list[str]:
    """The same question in the form that is read."""
    text = " ".join(words)
    for rewrite in _REWRITES:
        text = rewrite(text)
    return text.split()
