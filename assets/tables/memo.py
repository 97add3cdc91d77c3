"""Remember what was read of one version of a table, for who asks the same again: a version does not change.

Kept are few answers, each of them small, by one process; of tables in a bucket, whose versions nothing tells from
others of their number after a loss, none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

from assets.tables.durable import identify

if TYPE_CHECKING:
    import lance

_MOST = 64  # answers
_MOST_BYTES = 1 << 20  # of one


class Sized(Protocol):
    """What knows how many bytes it takes: a table or an array of Arrow or NumPy."""

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""


Answer = TypeVar("Answer", bound=Sized)


class Memo:
    """Answers by version and question; the ones that were asked for last."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, Sized] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[Memo], tuple[()]]:
        """Answers stay in their process: who is sent a catalog starts without any."""
        return Memo, ()

    def recall(
        self,
        dataset: lance.LanceDataset,
        question: Hashable,
        read: Callable[[], Answer],
    ) -> Answer:
        """What `read` gives, or gave before for this version and question."""
        version = identify(dataset)
        if version is None:
            return read()
        key = dataset.uri, version, question
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
                return known  # type: ignore[return-value]  # the question says its type
        answer = read()
        if answer.nbytes <= _MOST_BYTES:
            with self._lock:
                self._answers[key] = answer
                while len(self._answers) > _MOST:
                    self._answers.popitem(last=False)
        return answer
