"""Sparse models of scenes whose truth is known: what is found, what is kept, and what cannot be done."""

from __future__ import annotations

import io
import signal
from dataclasses import replace

import dagster as dg
import numpy as np
import pytest
from PIL import Image as Pillow

from assets.partitions import sessions
from assets.reconstruction.board_pictures import BoardPicture
from assets.reconstruction.defs import sparse_model
from assets.reconstruction.sparse_ladder import Ladder
from assets.reconstruction.sparse_models import (
    climb,
    open_model,
    read_rows,
    refresh_model,
    unpack_model,
)
from assets.reconstruction.sparse_package import pack
from assets.reconstruction.sparse_pictures import MOST_IMAGES, _spread, find_scene
from assets.reconstruction.sparse_process import (
    StepFailed,
    Workshop,
    describe_picture,
)
from assets.reconstruction.sparse_rows import Made, make_rows
from assets.retrieval.lineage import trace
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.geometry.sparse_model import align
from tests.assets.reconstruction.conftest import (
    PAIR_M,
    VIEW_STEP_M,
    DrawnScene,
    draw_planes,
    draw_scene,
    store_scene,
)

RNG = np.random.default_rng(3)
ARC = np.column_stack([np.linspace(-1, 1, 5), np.zeros(5), np.zeros(5)])


def find_failed(made: Made) -> set[str]:
    """Names of the rules that rows fail, and that the rows of each table are whole."""
    from checks.reconstruction import SPARSE_IMAGE_RULES, SPARSE_RULES

    nowhere = {"input_sha256": "0" * 64, "code_version": "", "model_sha256": None}
    tables = {
        "sparse_models": to_table(TABLES["sparse_models"], [made.model | nowhere]),
        "sparse_images": to_table(TABLES["sparse_images"], made.images),
        "sparse_rungs": to_table(TABLES["sparse_rungs"], made.rungs),
    }
    numbers = [v for t in tables.values() for r in t.to_pylist() for v in r.values()]
    flat = [x for v in numbers for x in (v if isinstance(v, list) else [v])]
    assert not any(isinstance(x, float) and not np.isfinite(x) for x in flat)
    rules = (*SPARSE_RULES, *SPARSE_IMAGE_RULES)
    return {v.name for v in (rule(tables) for rule in rules) if not v.passed}


def measure_off(made: Made, drawn: DrawnScene) -> float:
    """How far the worst camera centre is off the true one after the best similarity."""
    names = {p.name: n for n, p in enumerate(drawn.scene.pictures)}
    images = made.sparse_model.images
    found = np.array([i.world_from_camera[:3, 3] for i in images])
    true = np.array([drawn.world_from_camera[names[i.name]][:3, 3] for i in images])
    similarity = align(found, true)
    moved = found @ similarity[:3, :3].T + similarity[:3, 3]
    return float(np.linalg.norm(moved - true, axis=1).max())


@pytest.fixture(scope="module")
def arc() -> DrawnScene:
    return draw_scene(ARC)


@pytest.fixture(scope="module")
def made(arc) -> Made:
    return arc.reconstruct()


def test_cameras_are_found_where_they_were_to_the_noise_of_their_features(made, arc):
    assert made.model["num_registered"] == 5 and made.model["rung"] == "usual"
    # 0.3 px of 500 at 4 m are 2.4 mm a ray
    assert measure_off(made, arc) < 0.01
    # two coordinates with 0.3 px of noise: a mean of 0.3 * sqrt(pi / 2) px
    assert made.model["reprojection_px"] == pytest.approx(0.36, abs=0.06)
    assert made.model["track_length"] > 4.5
    assert [r["rung"] for r in made.rungs if r["is_kept"]] == ["usual"]
    assert find_failed(made) == {"models_have_a_scale"}
    for image, row in zip(made.sparse_model.images, made.images, strict=True):
        assert image.name == row["frame_id"]
        assert len(image.points) == len(image.descriptors) == row["num_points"]
        assert (image.descriptors.max(axis=1) > 0).all()


def test_the_same_pictures_give_the_same_bytes(made, arc):
    assert pack(arc.reconstruct().sparse_model) == pack(made.sparse_model)


def test_a_camera_that_nobody_knows_is_estimated_and_said_to_be():
    drawn = draw_scene(ARC, is_known=False)
    made = drawn.reconstruct()
    assert made.model["num_registered"] == 5
    assert made.model["num_estimated_cameras"] == 1
    assert {r["intrinsics_from"] for r in made.images} == {"estimated"}
    # begun at 768 px
    focal_px = made.sparse_model.images[0].camera.mean_focal_px
    assert focal_px == pytest.approx(500, rel=0.05)
    assert find_failed(made) == {"models_have_a_scale"}


def test_a_rung_whose_model_falls_apart_leaves_that_of_another_to_be_kept(tmp_path):
    """What COLMAP registered has no point that two pictures see by their lens."""
    import pycolmap

    drawn = draw_scene(ARC)
    scene = drawn.scene
    cameras = [camera.given for camera in scene.cameras]
    with Workshop() as workshop:
        drawn.put_into(workshop)
        workshop.store(cameras, scene.camera_of)
        verified = workshop.match(scene.pairing.pairs)
        (sound,) = Ladder(
            workshop, cameras, scene.camera_of, scene.pairing.pairs
        ).climb()
        hollow = pycolmap.Reconstruction(sound.piece.folder)
        for point in list(hollow.points3D):
            hollow.delete_point3D(point)
        hollow.write(tmp_path)
        piece = sound.piece._replace(folder=tmp_path, num_observations=10**6)
        best = replace(sound, name="hollow", piece=piece)
        assert best.merit > sound.merit
        made = make_rows(scene, verified, (best, sound), "there is none")
    assert made.model["rung"] == sound.name and made.model["num_registered"] == 5
    assert [row["is_kept"] for row in made.rungs] == [False, True]


def test_of_pieces_that_do_not_join_the_largest_is_kept_and_the_rest_has_reasons():
    """Three pictures of one place, then five of another."""
    centres = np.vstack([ARC[:3] * 2, ARC])
    drawn = draw_scene(centres, groups=[0] * 3 + [1] * 5)
    made = drawn.reconstruct()
    assert made.model["num_registered"] == 5 and made.model["num_pieces"] == 2
    placed = [r["world_from_camera"] is not None for r in made.images]
    assert placed == [False] * 3 + [True] * 5
    assert "do not fix its place" in made.images[0]["reason"]
    # other rungs were tried for the three
    assert len(made.rungs) > 1 and sum(r["is_kept"] for r in made.rungs) == 1
    assert "most_images_are_registered" in find_failed(made)
    # 5 of 8 are more than half
    assert not any(v.stops for v in judge(made))


def judge(made: Made):
    from checks.reconstruction import SPARSE_RULES

    nowhere = {"input_sha256": "0" * 64, "code_version": "", "model_sha256": None}
    table = to_table(TABLES["sparse_models"], [made.model | nowhere])
    return [rule({"sparse_models": table}) for rule in SPARSE_RULES]


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [
        (lambda: draw_scene(ARC[:1]), "one picture alone"),
        (lambda: draw_scene(ARC[:3], groups=[0, 1, 2]), "no two pictures show the"),
        (
            lambda: draw_scene(np.zeros((3, 3)), turns_rad=np.array([-0.1, 0, 0.1])),
            "the camera only turned: 3 of 3 pairs",
        ),
    ],
)
def test_what_gives_no_model_has_a_row_that_says_why_and_blocks(drawn, reason):
    made = drawn().reconstruct()
    assert reason in made.model["reason"] and made.sparse_model is None
    assert {r["num_points"] for r in made.images} == {0}
    assert all(r["reason"] for r in made.images)
    # the pictures are not to blame
    assert all(r["num_features"] >= 50 for r in made.images)
    assert not any("too dark" in r["reason"] for r in made.images)
    assert find_failed(made) == {"sessions_have_a_sparse_model"}
    assert [v.name for v in judge(made) if v.stops] == ["sessions_have_a_sparse_model"]


def test_a_plane_before_an_estimated_camera_is_told():
    plane = np.column_stack([RNG.uniform(-1, 1, (120, 2)), np.full(120, 4.0)])
    made = draw_scene(ARC, plane, is_known=False).reconstruct()
    assert made.model["flatness"] < 0.02
    assert "estimated_cameras_have_seen_depth" in find_failed(made)
    assert not any(v.stops for v in judge(made))
    # a known camera has no such doubt
    known = draw_scene(ARC, plane).reconstruct()
    assert known.model["flatness"] < 0.02
    assert find_failed(known) == {"models_have_a_scale"}


def test_a_camera_that_nobody_knows_and_that_only_turned_is_refused():
    """COLMAP makes a model of it that looks sound: all pictures, 0.3 px, rays 9 degrees apart."""
    turned = draw_scene(
        np.zeros((5, 3)), turns_rad=np.linspace(-0.3, 0.3, 5), is_known=False
    )
    made = turned.reconstruct()
    assert made.model["num_registered"] == 5 and made.model["reprojection_px"] < 0.5
    assert made.model["share_flat_pairs"] == 1
    (stops,) = [v for v in judge(made) if v.stops]
    assert stops.name == "estimated_cameras_have_seen_depth"
    assert "explains 100 % of the pairs" in stops.examples[0]


def test_a_child_that_dies_is_a_reason_and_another_goes_on(arc):
    with Workshop() as workshop:
        arc.put_into(workshop)
        real = Workshop.map

        def die_once(self, *given, **named):
            if self is workshop and workshop.map.__func__ is die_once:
                workshop.map = real.__get__(workshop)
                workshop._child.send_signal(signal.SIGABRT)
            return real(self, *given, **named)

        workshop.map = die_once.__get__(workshop)
        made = climb(arc.scene, workshop)
    assert [r["reason"] for r in made.rungs] == ["COLMAP died (signal 6)", None]
    assert [r["is_kept"] for r in made.rungs] == [False, True]
    assert made.model["rung"] == "looser" and made.model["num_registered"] == 5


def test_where_features_could_not_be_found_no_picture_is_called_too_dark(
    hall, monkeypatch
):
    def refuse(*_, **__):
        raise StepFailed("COLMAP died (signal 6)")

    monkeypatch.setattr(Workshop, "describe", refuse)
    done = refresh_model(hall, "hall")
    reasons = {r["reason"] for r in [done.model, *done.images]}
    assert reasons == {"COLMAP died (signal 6)"}


def test_what_colmap_refuses_is_a_reason():
    with Workshop() as workshop, pytest.raises(StepFailed, match="COLMAP: "):
        workshop.match([(0, 1)])


# ---- from stored pictures ----------------------------------------------------------------------------------------


@pytest.fixture
def hall(catalog: Catalog) -> Catalog:
    return store_scene(catalog)


def test_a_session_of_a_stereo_rig_has_its_model_in_metres(hall):
    done = refresh_model(hall, "hall")
    row = done.model
    assert done.is_new and row["num_registered"] == row["num_images"] == 6, row
    assert (
        row["length_unit"] == "m"
        and "3 pairs of known distance" in (row["scale_reason"])
    )
    with pytest.raises(ValueError, match="hall is not published: it was not checked"):
        open_model(hall, row["sparse_model_id"])
    assert len(unpack_model(hall, row).images) == 6
    verdicts = [
        v
        for name in ("sparse_models", "sparse_images", "sparse_rungs")
        for v in gate_session(hall, name, "hall")
    ]
    assert not stops_flow(verdicts), verdicts
    model = open_model(hall, row["sparse_model_id"][:8])
    centres = {i.name: i.world_from_camera[:3, 3] for i in model.images}
    left, far, right = (
        centres[content_id("hall", *which)]
        for which in (("left", 0), ("left", 2), ("right", 0))
    )
    assert np.linalg.norm(far - left) == pytest.approx(2 * VIEW_STEP_M, rel=0.03)
    assert np.linalg.norm(right - left) == pytest.approx(PAIR_M, rel=0.03)
    # what a check refuses is not opened, and the reason is told
    version = hall.latest_version("sparse_models")
    hall.hold("sparse_models", "hall", version, "lengths contradict each other")
    with pytest.raises(
        ValueError, match=r"published: lengths contradict each other; `d"
    ):
        open_model(hall, row["sparse_model_id"])
    hall.publish("sparse_models", "hall", version)
    assert len(hall.read("sparse_models")) == 1 and len(hall.read("sparse_images")) == 6
    # nothing is done twice
    again = refresh_model(hall, "hall")
    assert not again.is_new and again.model["model_sha256"] == row["model_sha256"]
    found = trace(hall, "sparse", row["sparse_model_id"])["upstream"]
    assert len(found["frames"]) == 6 and len(found["calibrations"]) == 2
    (seen,) = trace(hall, "frame", content_id("hall", "left", 0))["downstream"][
        "sparse_models"
    ]
    assert seen["sparse_model_id"] == row["sparse_model_id"]
    # a blob that is gone is made again
    hall.blobs.folder.fs.rm(hall.blobs._path(row["model_sha256"]))
    assert refresh_model(hall, "hall").is_new
    assert hall.blobs.matches(row["model_sha256"])
    # what changed is made anew
    hall.delete("frames", f"frame_id = '{content_id('hall', 'right', 2)}'")
    hall.publish("frames", "hall", hall.latest_version("frames"))
    assert find_scene(hall, "hall").input_sha256 != row["input_sha256"]


def test_the_asset_shows_the_model_from_three_sides(catalog):
    store_scene(catalog, sensors=("left",), num_views=4)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["hall"])
        done = dg.materialize(
            [sparse_model],
            resources={"catalog": catalog},
            partition_key="hall",
            instance=instance,
            selection=[sparse_model],
        )
        (made,) = done.asset_materializations_for_node("reconstruction__sparse_model")
    assert "data:image/jpeg" in made.metadata["from three sides"].value
    assert "| usual | 4 |" in made.metadata["rungs"].value
    row = read_rows(catalog, "hall").model
    assert row["length_unit"] == "unknown"
    told = "one camera alone gives no length; no IMU with stamps"
    assert row["scale_reason"] == told


def test_pictures_without_structure_have_no_model_and_no_nan(catalog, monkeypatch):
    blank = np.full((240, 320), 128, np.uint8)
    monkeypatch.setattr(
        "tests.assets.reconstruction.conftest.draw_planes", lambda _: blank
    )
    store_scene(catalog, sensors=("left",))
    done = refresh_model(catalog, "hall")
    assert "no two pictures show the same" in done.model["reason"]
    assert all("0 features" in r["reason"] for r in done.images)
    verdicts = gate_session(catalog, "sparse_models", "hall")
    assert [v.name for v in verdicts if v.stops] == ["sessions_have_a_sparse_model"]
    with pytest.raises(ValueError, match="hall has no sparse model: no two pictures"):
        open_model(catalog, done.model["sparse_model_id"])


def test_cameras_without_a_calibration_are_begun_by_a_guess(catalog):
    store_scene(catalog, sensors=("left",), is_calibrated=False)
    (camera,) = find_scene(catalog, "hall").cameras
    assert camera.intrinsics_from == "estimated" and not camera.given.is_known
    assert camera.note == "the camera has no calibration"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1] * 500, 300),
        ([2] * 200, 300),
        # many in the first views: as many views as fit
        ([200, 200, *[1] * 100], 300),
        ([700], 300),
        ([3, 3], 6),
    ],
)
def test_no_more_pictures_are_looked_at_than_the_limit(counts, expected):
    pictures = [
        BoardPicture(f"{view} {n}", "c", f"cam{n}", None, "", (8, 8), "", view)
        for view, count in enumerate(counts)
        for n in range(count)
    ]
    kept = _spread(pictures)
    assert len(kept) <= MOST_IMAGES and len(kept) >= min(expected, 100)
    assert len(kept) == expected or counts[0] == 200
    assert kept == [p for p in pictures if p in kept]


def test_a_session_and_a_model_that_are_not_there_are_mistakes(catalog):
    with pytest.raises(ValueError, match="nowhere has no published colour picture"):
        refresh_model(catalog, "nowhere")
    with pytest.raises(ValueError, match="no sparse_model begins with 123456"):
        open_model(catalog, "123456")


def test_a_query_picture_is_described_in_its_own_pixels():
    with Workshop() as workshop:
        found = describe_picture(draw_planes(0.0), workshop)
        again = describe_picture(draw_planes(0.2), workshop)
        assert len(again.pixels) != len(found.pixels)
    assert len(found.pixels) == len(found.descriptors) > 50
    assert found.descriptors.dtype == np.uint8
    assert (found.pixels > -0.5).all() and (found.pixels < [319.5, 239.5]).all()
    norms = np.linalg.norm(found.descriptors.astype(float), axis=1)
    assert norms == pytest.approx(512, rel=0.05)


def test_three_views_are_a_picture(made):
    from assets.reconstruction.sparse_views import draw_model

    shown = Pillow.open(io.BytesIO(draw_model(made.sparse_model)))
    assert shown.size == (1440, 480)
