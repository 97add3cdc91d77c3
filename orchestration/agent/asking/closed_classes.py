"""Words that tell what kind of sentence one is: an order, or a question for a person, a time, the fewest.

Belongs here: the lists. Does not: what words mean, which is `thesaurus`.
"""


def _split(words: str) -> frozenset[str]:
    return frozenset(words.split())


# what begins with one is an order, and those are not carried out
ORDERS = _split(
    """
    add approve book buy cancel cook create delete deploy destroy disable download draw drop edit email enable erase
    export forget grant hire ignore ingest insert install kill make move order paint play pretend promote publish put
    recommend reject remove rename reset restart retrain revoke roll send set sing start stop translate undo upload
    wipe write
    """
)
# and with one of these where what follows says of what
MAYBE_ORDERS = _split(
    """
    annotate change clean close copy execute fix label mark open rebuild recompute release repair rerun retry run train
    turn update
    """
)
DETERMINERS = _split(
    """
    a all an each every it me my our that the them these this those your
    """
)
# what may stand before an order
COURTESIES = _split(
    """
    and at can could go hey hi i just kindly need now ok okay once please pls plz so then to want we will would you
    """
)
# people who do something to captures; the home knows none of them
PEOPLE = _split(
    """
    annotator annotators author authors colleague colleagues contractor contractors developer developers driver drivers
    employee employees engineer engineers intern interns labeler labelers labeller labellers operator operators
    reviewer reviewers student students supplier suppliers vendor vendors
    """
)
# words that decide what kind of answer is right, though they tell nothing of its subject: an answer of a kind none of
# whose examples has them is another question's
DECIDING: dict[tuple[str, ...], str] = {
    **{(word,): "who" for word in ("who", "whom", "whose")},
    **{
        (word,): "least"
        for word in (
            "cheapest",
            "fastest",
            "fewest",
            "least",
            "lowest",
            "rarest",
            "smallest",
            "worst",
        )
    },
    **{(word,): "in order" for word in ("second", "third")},
    **{(word,): "average" for word in ("average", "avg", "median")},
    **{(word,): "newest" for word in ("last", "latest", "newest", "recent")},
    **{(word,): "oldest" for word in ("earliest", "first", "oldest")},
    **{(word,): "without" for word in ("no", "not", "without")},
    **{("how", verb, who): "how to" for verb in ("do", "can") for who in ("i", "we")},
    ("how", "to"): "how to",
    **{("what", verb, a): "definition" for verb in ("is", "are") for a in ("a", "an")},
    **{(word,): "definition" for word in ("define", "definition", "meaning", "means")},
    **{(word,): "person" for word in PEOPLE},
    **{
        (word,): "future"
        for word in ("will", "shall", "tomorrow", "forecast", "predict")
    },
    **{
        ("next", unit): "future"
        for unit in ("day", "week", "month", "quarter", "year", "night")
    },
    **{
        ("the", "other", noun): "other"
        for noun in (
            "camera",
            "class",
            "frame",
            "model",
            "release",
            "sensor",
            "session",
        )
    },
    **{("do", "you", verb): "opinion" for verb in ("like", "love", "think")},
    **{(unit,): "period" for unit in ("minutes", "hours", "days", "weeks", "months")},
    ("when",): "when",
    ("where",): "where",
}
# what stands behind a word that asks
AUXILIARIES = _split(
    "am are can could did do does had has have is may might must shall should was were will would"
)
# what may stand between "how many" and what is counted
BEFORE_COUNTED = _split(
    """
    a all any different distinct item more of other our own piece separate single such the these thing those total
    various items pieces things
    """
)
# and what stands there where nothing is counted, or what is counted stands before
AFTER_NOTHING = _split(
    "am are can could did do does for from had has have in is of on there was were will with would"
)
