"""The net of sentences is the published one or none, and is not needed to search by words."""

import pytest

from assets.inference import sentences
from assets.inference.sentences import SentenceEncoder, find_encoder, find_package


def test_without_the_package_there_is_no_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "PACKAGE", "no-such-package-of-daguerre")
    assert find_package() is None and find_encoder(tmp_path) is None


def test_a_vocabulary_that_is_not_the_published_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"vocab\.txt is missing"):
        SentenceEncoder(tmp_path, tmp_path)
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n")
    with pytest.raises(ValueError, match=r"vocab\.txt has changed: it hashes to"):
        SentenceEncoder(tmp_path, tmp_path)
