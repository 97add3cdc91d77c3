"""A privacy policy as a settings file states it: what it means, what is refused, and that it reads back."""

from __future__ import annotations

import pytest

from assets.formats.session_settings import parse_settings
from assets.privacy.policy import PrivacyPolicy, Probe, read_entry, read_text


def test_true_covers_faces():
    assert read_entry(True) == PrivacyPolicy(faces=True)
    assert read_entry(False) is None


def test_a_mapping_names_regions_and_classes():
    settings = parse_settings(
        b"privacy:\n  faces: false\n  regions: {cam: [[0, 1, 20, 30]]}\n  classes: [plate, person]\n"
    )
    assert settings.privacy == PrivacyPolicy(
        False, {"cam": ((0.0, 1.0, 20.0, 30.0),)}, ("person", "plate")
    )
    assert settings.says_privacy
    assert settings.privacy.summary == "1 fixed regions, labels of person, plate"


def test_settings_without_the_word_say_nothing_of_it():
    settings = parse_settings(b"looked_at: true")
    assert (settings.privacy, settings.says_privacy) == (None, False)


@pytest.mark.parametrize(
    "policy",
    [
        PrivacyPolicy(),
        PrivacyPolicy(False, {"cam": ((0.0, 1.0, 20.0, 30.0),)}),
        PrivacyPolicy(True, {}, ("person",), Probe("/probe", 0.9)),
    ],
)
def test_a_policy_reads_back(policy):
    assert read_text(policy.text) == policy


def test_what_is_probed_makes_no_other_picture():
    plain = PrivacyPolicy()
    assert plain.digest == PrivacyPolicy(probe=Probe("/probe", 0.9)).digest
    assert plain.digest != PrivacyPolicy(classes=("person",)).digest


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("yes please", "give true, false or a mapping"),
        ({"face": True}, "give true, false or a mapping"),
        ({"faces": 1}, "not true or false"),
        ({"faces": False}, "covers nothing"),
        ({"regions": {"cam": [[0, 0, 5]]}}, "is no box"),
        ({"regions": {"cam": [[9, 0, 5, 5]]}}, "is no box"),
        ({"regions": {"cam": []}}, "holds no boxes"),
        ({"classes": "person"}, "not a list of names"),
        ({"probe": {"folder": "/x"}}, "give `folder` and `recall`"),
        ({"probe": {"folder": "/x", "recall": 2}}, "not a share above 0"),
        (
            {"faces": False, "classes": ["a"], "probe": {"folder": "/x", "recall": 1}},
            "a probe is of faces",
        ),
    ],
)
def test_what_is_no_policy_is_named(entry, told):
    with pytest.raises(ValueError, match=told):
        read_entry(entry)
