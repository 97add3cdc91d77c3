"""Texts and pictures meet in one space, by files of the user's own; files that are none are told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from assets.inference import clip
from assets.inference.clip import (
    PICTURES,
    TEXTS,
    NoClip,
    PictureNet,
    TextNet,
    name_version,
    require_folder,
)
from assets.inference.clip_pictures import read_preparation
from tests.assets.inference.clip_files import SETTINGS, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip"))


def paint(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((4, 6, 3), (red, green, blue), np.uint8)


def test_a_text_is_nearest_to_the_picture_of_its_colour(folder):
    pictures = PictureNet(folder).embed(
        [paint(255, 0, 0), paint(0, 255, 0), paint(0, 0, 255)] * 3
    )
    third = 1 / np.sqrt(3)
    assert pictures[0] == pytest.approx([third, -third, -third], abs=1e-6)
    texts = TextNet(folder)
    for at, word in enumerate(("red", "green", "blue")):
        cosines = pictures @ texts.embed(f"the {word} thing")
        assert np.argmax(cosines) == at and cosines[at] == pytest.approx(1, abs=1e-6)


def test_the_middle_of_a_picture_is_prepared_as_its_settings_say():
    plain = read_preparation("p", json.dumps(SETTINGS).encode())
    image = np.zeros((2, 6, 3), np.uint8)
    image[:, 2:4] = 255
    assert (plain.prepare(image) == 1).all()  # (255 / 255 - 0.5) / 0.5
    stretched = read_preparation(
        "p", json.dumps({**SETTINGS, "size": {"height": 1, "width": 3}}).encode()
    )
    assert stretched.prepare(image).shape == (3, 1, 3)
    assert stretched.prepare(paint(0, 0, 255))[:, 0, 1].tolist() == [-1, -1, 1]


def test_a_net_of_so_many_tokens_gets_so_many(tmp_path):
    texts = TextNet(write_clip(tmp_path, length=3))
    third = 1 / np.sqrt(3)
    # the net sums what tokens name, and each word may be one that fills up
    assert texts.embed("red") == pytest.approx([third, -third, -third], abs=1e-6)
    assert texts.embed("red red red blue blue blue blue")[0] > 0.5


def test_marks_stay_where_a_text_is_cut_or_filled_up(tmp_path):
    marked = Tokenizer.from_str((write_clip(tmp_path) / "tokenizer.json").read_text())
    marked.add_special_tokens(["<s>", "</s>"])
    begin, end = (marked.token_to_id(mark) for mark in ("<s>", "</s>"))
    marks = [("<s>", begin), ("</s>", end)]
    marked.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=marks)  # fmt: skip
    cut = clip._open_tokenizer(tmp_path / "tokenizer.json", marked.to_str().encode(), 4)
    assert cut.encode("red green blue red").ids == [begin, 1, 2, end]
    # as CLIP fills up
    assert cut.encode("red").ids == [begin, 1, end, end]


def test_the_version_tells_every_file(tmp_path):
    folder = write_clip(tmp_path)
    before = name_version(folder)
    assert before.endswith(f"-{TextNet(folder).version}")
    for name in (*PICTURES, *TEXTS):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        assert name_version(folder) != before
        (folder / name).write_bytes(content)
    assert name_version(folder) == before


@pytest.mark.parametrize("name", [*PICTURES, *TEXTS])
def test_a_file_that_is_absent_is_named(tmp_path, name):
    (write_clip(tmp_path) / name).unlink()
    with pytest.raises(NoClip, match=f"has no {name}: put there"):
        name_version(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("text_model.onnx", "words", "cannot be loaded as an ONNX net"),
        ("tokenizer.json", "{}", "is no tokenizer"),
        ("vision_model.onnx", "words", "cannot be loaded as an ONNX net"),
        ("preprocessor_config.json", "{}", "does not say how pictures are prepared"),
        ("preprocessor_config.json", json.dumps(SETTINGS | {"size": 5000}), "1 to 1024 px"),
        ("preprocessor_config.json", json.dumps(SETTINGS | {"image_std": [1, 1, 0]}), "above 0"),
        ("preprocessor_config.json", "[", "JSONDecodeError"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_its_kind_is_refused(tmp_path, name, content, told):
    settings = json.dumps({**SETTINGS, "crop_size": None})
    write_clip(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(settings)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=told) as refused:
        PictureNet(tmp_path).embed([paint(9, 9, 200)])
        TextNet(tmp_path)
    assert name in str(refused.value)


def test_a_net_without_the_vectors_says_what_it_gives(tmp_path):
    write_clip(tmp_path, gives="last_hidden_state")
    with pytest.raises(NoClip, match=r"gives last_hidden_state: needed.*text_embeds"):
        TextNet(tmp_path)


def test_a_vector_of_nothing_is_refused(folder):
    with pytest.raises(NoClip, match="gives a vector that is zero"):
        TextNet(folder).embed("unknown words")


def test_without_a_folder_the_setting_is_named():
    with pytest.raises(NoClip, match=r"none is named: point DAGUERRE_CLIP at a folder"):
        require_folder(None)
