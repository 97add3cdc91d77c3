"""Words that say how something is counted: by what, most or least, without what, more than how many.

Belongs here: phrases and their roles. Does not: what is counted, whose words are in `thesaurus`.
"""

from collections.abc import Mapping

# by phrase, a dash for a space; quantities stand before what is counted, sizes before what is large
PHRASES: Mapping[tuple[str, ...], str] = {
    tuple(phrase.split("-")): role
    for role, phrases in {
        "count": "altogether overall",
        "each": "each every per pr by apiece distribution distributed histogram",
        "not": "no nobody no-one not never without except excluding exclude excluded except-for apart-from other-than "
        "without-a-single without-one without-any not-one not-a-single not-even-one not-any"
        " no-single aside-from leaving-out leave-out left-out but-no but-not but-without rather-than"
        " minus lack lacks lacking "
        "missing besides free-of outside outside-of nor neither",
        "unlabelled": "unlabelled unlabeled unannotated",
        "most": "most highest max maximum richest",
        "least": "fewest least lowest min minimum poorest",
        "largest": "largest biggest greatest commonest top",
        "smallest": "smallest rarest tiniest scarcest underrepresented under-represented least-represented "
        "most-underrepresented underrepresented-the-most",
        "common": "common frequent frequently often",
        "asked": "which what list show name names enumerate",
        "and": "and",
        "or": "or",
        "average": "average averages avg mean on-average in-average at-average in-the-mean typical typically",
        "median": "median",
        "share": "share-of shares-of the-share what-share percent percentage fraction proportion how-many-percent "
        "what-part",
        "together": "together",
        "both": "both as-well-as alongside side-by-side at-the-same-time at-once simultaneously "
        "in-one-frame in-the-same-frame jointly besides-each-other next-to",
        "only": "only solely exclusively nothing-but none-but",
    }.items()
    for phrase in phrases.split()
}
LONGEST = max(map(len, PHRASES))
COMPARED: Mapping[tuple[str, ...], str] = {
    tuple(phrase.split()): sign
    for sign, phrases in {
        ">": ("more than", "more as", "over", "above", "exceed", "exceeds", "exceeding", "beyond", "greater than",
              "larger than",              "bigger than"),
        "<": ("less than", "less then", "fewer than", "fewer then", "under", "below", "smaller than"),
        ">=": ("at least", "no less than", "no fewer than", "not less than", "not fewer than", "minimum"),
        "<=": ("at most", "no more than", "not more than", "up to", "maximum"),
        "=": ("exactly", "precisely"),
    }.items()
    for phrase in phrases
}  # fmt: skip
NUMERALS = {"a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
             "eight": 8, "nine": 9, "ten": 10}  # fmt: skip
