"""Read documents of labels beside their images: what each names, then the images, then what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from assets.formats.annotations.image_labels import ImageLabels
from assets.formats.annotations.label_book import LabelBook
from assets.formats.observations import Observation, Problem
from assets.formats.protocol import Opener


class Document(Protocol):
    """One file of labels. Its labels go into the book that all documents of a data set share."""

    def open(self, opener: Opener) -> Iterator[Problem]:
        """Parse it, and make known which images it names."""

    def find_pictures(self) -> Iterator[Problem]:
        """Find these images, and see which sizes it states: all documents do before labels are placed."""

    def read(self) -> Iterator[Problem]:
        """Read the labels."""


def read_documents(
    documents: Sequence[Document], images: ImageLabels, book: LabelBook, opener: Opener
) -> Iterator[Observation]:
    """The images, what is wrong with the documents, and their labels; what was counted goes into the plan's notes."""
    problems = [problem for document in documents for problem in document.open(opener)]
    yield from images.read_frames()
    yield from problems
    for document in documents:
        yield from document.find_pictures()
    for document in documents:
        yield from document.read()
    yield from book.close()
    images.tell(book.plan.notes, book.labelled)
