"""Numbers as a text may write them: in digits of any script, in words, in Roman numerals.

Belongs here: telling that something is a number, and which. Does not: whether it is true.
"""

import re
import unicodedata

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: str(n) for n, word in enumerate(_UNITS.split())}
_WORDS |= {word: str(10 * n) for n, word in enumerate(_TENS.split(), 2)}
_WORDS |= {"dozen": "12", "hundred": "100", "thousand": "1000", "million": "1000000"}
_WORDS |= {"billion": "1000000000", "half": "0.5", "twice": "2", "thrice": "3"}
_WORDS |= {"couple": "2"}
_WORDS |= {f"{word}s": "" for word in ("dozen", "hundred", "thousand", "million")}
_ROMAN = re.compile(r"(?=[MDCLXVI]{2})M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")  # fmt: skip
_NO_ROMAN = frozenset({"CI", "CV", "CD", "DC", "MD", "MM", "CC", "DM", "MC", "CM"})
_DIGITS = re.compile(r"([~≈#<>=$€+]*)(-?\d[\d,_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(%|[A-Za-zµ]*)")  # fmt: skip


def is_numeric(text: str) -> bool:
    """Whether a digit, a fraction or the like stands in it, of any script."""
    return any(unicodedata.category(character)[0] == "N" for character in text)


def read_digits(token: str) -> tuple[str, str] | None:
    """("1234.5", "%") of "~1,234.5%": the number, and the unit that is written to it."""
    found = _DIGITS.fullmatch(token)
    return (re.sub("[,_]", "", found[2]), found[3]) if found else None


def read_words(token: str) -> str | None:
    """`23` of "twenty-three", `` of a numeral that stands for none in particular; None of what is no numeral."""
    if _ROMAN.fullmatch(token) and token not in _NO_ROMAN:
        return ""
    parts = token.lower().split("-")
    if not all(part in _WORDS for part in parts):
        return None
    values = [_WORDS[part] for part in parts]
    if len(values) == 1:
        return values[0]
    is_sum = all(value.isdigit() for value in values)
    return str(sum(int(value) for value in values)) if is_sum else ""
