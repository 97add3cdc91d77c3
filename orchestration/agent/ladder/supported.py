"""A model's text as sentences that quote facts; one with a number, id, act or address that no tool said is refused.

Belongs here: reading the text, and what is refused of it. Does not: what was said. What is left has no digit of the
model's own: each stands as the fact that says it, with its source, as in the answers of tools.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from assets.foreign_text import for_line
from orchestration.agent.answer import Sentence
from orchestration.agent.ladder.numerals import is_numeric, read_digits, read_words
from orchestration.agent.ladder.said import Made, Said, Told

MAX_TEXT = 8_000  # characters of a text that are read
_QUOTED = re.compile(r'"([^"\n]{1,400})"|“([^”\n]{1,400})”|`([^`\n]{1,400})`')
_END = re.compile(r"(?<=[.!?])\s+")
_BULLET = re.compile(r"^\s*(?:[-•–]|\d{1,2}[.)])\s+")
_BETWEEN = r"\s,;()\[\]{}<>\"'“”‘’`|"
_PIECES = re.compile(rf"[{_BETWEEN}:]+|[^{_BETWEEN}:]+(?::[^{_BETWEEN}]+)*")
_TRAILING = ".!?"
_HELD, _LAST = 0xE000, 0xF8FF  # characters that stand for quotations
_ADDRESS = re.compile(r"://|www\.|mailto|\w@\w", re.IGNORECASE)
_COMMAND = re.compile(r"`|\b(?:daguerre|python|pip|sudo|curl|bash|sh) +[-\w]", re.IGNORECASE)  # fmt: skip
_SELF = re.compile(r"\b(?:I|me|my|mine|we|us|our)\b", re.IGNORECASE)
# what only a person's command does, as it is said when it was done
_ACTS = """
added applied approved backfilled cancelled carried changed completed created deleted disabled done dropped emailed
enabled ended erased executed exported finished forgotten granted installed launched merged moved overwritten
performed posted promoted published queued rejected removed renamed replaced restored retrained retried rolled
saved sent started stopped submitted trained updated uploaded wiped written wrote
"""
_NUMBER, _SAYS_ADDRESS, _SAYS_COMMAND, _OF_ITSELF, _SAYS_ACT = (
    "a number or id that no tool said",
    "an address",
    "a command that no tool said",
    "what the model says of itself",
    "an act that no tool told of",
)


class _Unsupported(Exception):
    """Why a sentence is not shown."""


@dataclass(frozen=True)
class Checked:
    """`sentences`, and of those that are not shown the reasons."""

    sentences: tuple[Sentence, ...]
    refused: tuple[str, ...] = ()

    @property
    def num_quoted(self) -> int:
        """Sentences that quote a fact."""
        return sum(bool(sentence.facts) for sentence in self.sentences)


def check(text: str, made: Sequence[Made]) -> Checked:
    """Hold a model's text against what the tools of its question said."""
    said = Said(made)
    held: list[Told] = []
    plain = _hold_quotations(_tidy(text), said, held)
    sentences, refused = [], []
    for part in _split(_join_numbers(plain)):
        try:
            sentences.append(_Reading(said, held).read(part))
        except _Unsupported as reason:
            refused.append(str(reason))
    return Checked(tuple(sentences), tuple(refused))


def _split(text: str) -> Iterator[str]:
    """Sentences, without what begins the lines of a list."""
    for line in text.splitlines():
        for part in _END.split(_BULLET.sub("", line)):
            if re.search(r"\w|[\ue000-\uf8ff]", part):
                yield part.strip()


def _tidy(text: str) -> str:
    """Of usual characters, a line a line, without marks of Markdown."""
    normal = unicodedata.normalize("NFKC", text[:MAX_TEXT]).replace("−", "-")
    lines = (
        for_line(line) for line in re.sub("[*#\ue000-\uf8ff]", "", normal).splitlines()
    )
    return "\n".join(lines)  # fmt: skip


def _join_numbers(text: str) -> str:
    """ "1234" of "1,234", "12%" of "12 %"."""
    return re.sub(r"(?<=\d) +(?=%)", "", re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))


def _hold_quotations(text: str, said: Said, held: list[Told]) -> str:
    """The text with one character for each quotation of what was said."""

    def hold(found: re.Match[str]) -> str:
        told = said.find_quotation(next(part for part in found.groups() if part))
        if told is None or _HELD + len(held) > _LAST:
            return found[0]
        held.append(told)
        return chr(_HELD + len(held) - 1)

    return _QUOTED.sub(hold, text)


@dataclass
class _Reading:
    """One sentence, a piece after the other."""

    said: Said
    held: Sequence[Told]
    words: list[str] = field(default_factory=list)
    quoted: list[Told] = field(default_factory=list)
    eaten: str = ""

    def read(self, text: str) -> Sentence:
        """The sentence. Raises _Unsupported."""
        parts = re.split("([\ue000-\uf8ff])", text)
        pieces = [piece for part in parts for piece in _PIECES.findall(part)]
        for number, piece in enumerate(pieces):
            self._read(piece, "".join(pieces[number + 1 : number + 3]))
        literal = "".join(word for word in self.words if word[:1] != "\0")
        _require_plain(literal, self.quoted)
        return _fill(self.words, self.quoted, _name_holes(self.quoted))

    def _read(self, piece: str, rest: str) -> None:
        if self.eaten and piece.strip(_TRAILING) == self.eaten:
            self.words[-1] = piece[len(self.eaten) :]  # in place of the space before
            self.eaten = ""
            return
        if piece.strip():
            self.eaten = ""
        if len(piece) == 1 and _HELD <= ord(piece) <= _LAST:
            self._quote(self.held[ord(piece) - _HELD])
            return
        core = piece.rstrip(_TRAILING)
        told = self._find(core, rest)
        if told is None:
            self.words.append(piece)
            return
        self._quote(told)
        self.words.append(piece[len(core) :])

    def _find(self, token: str, rest: str) -> Told | None:
        """The fact that a token quotes; None for a word. Raises _Unsupported for a number that is none."""
        named = self.said.find_name(token)
        if named is not None and (is_numeric(token) or re.search("[-_/.]", token)):
            return named
        if not is_numeric(token):
            return self._find_word(token, rest)
        digits = read_digits(token)
        told = self.said.find_number(*digits) if digits else None
        if told is None:
            raise _Unsupported(_NUMBER)
        if told.fact.unit != "1":
            self.eaten = told.fact.unit
        return told

    def _find_word(self, token: str, rest: str) -> Told | None:
        number = read_words(token)
        if number is None or (token.lower() == "one" and rest.strip().startswith("of")):
            return None
        told = self.said.find_number(number) if number else None
        if told is None:
            raise _Unsupported(_NUMBER)
        return told

    def _quote(self, told: Told) -> None:
        self.words.append(f"\0{len(self.quoted)}")
        self.quoted.append(told)


def _require_plain(literal: str, quoted: Sequence[Told]) -> None:
    """Raises _Unsupported for words that only a tool may say."""
    for pattern, reason in (
        (_ADDRESS, _SAYS_ADDRESS),
        (_COMMAND, _SAYS_COMMAND),
        (_SELF, _OF_ITSELF),
    ):
        if pattern.search(literal):
            raise _Unsupported(reason)
    if is_numeric(literal):
        raise _Unsupported(_NUMBER)
    told = {word for one in quoted for word in one.acts}
    if (set(re.findall(r"[a-z]+", literal.lower())) & set(_ACTS.split())) - told:
        raise _Unsupported(_SAYS_ACT)


def _name_holes(quoted: Sequence[Told]) -> list[str]:
    clean = (re.sub(r"\W", "_", told.fact.name) for told in quoted)
    return [f"{name}_{number}" for number, name in enumerate(clean)]


def _fill(
    words: Sequence[str], quoted: Sequence[Told], names: Sequence[str]
) -> Sentence:
    told = [
        f"{{{names[int(word[1:])]}}}"
        if word[:1] == "\0"
        else word.replace("{", "{{").replace("}", "}}")
        for word in words
    ]
    facts = [replace(t.fact, name=n) for t, n in zip(quoted, names, strict=True)]
    return Sentence("".join(told).strip(), tuple(facts))
