"""Rules of sparse models: each claim, where it warns and where it blocks."""

import pytest

from checks import sparse_models as rules

SPARSE = {
    "reason": None,
    "num_images": 10,
    "num_registered": 10,
    "share_registered": 1.0,
    "num_pieces": 1,
    "num_estimated_cameras": 1,
    "share_flat_pairs": 0.2,
    "track_length": 4.0,
    "reprojection_px": 0.5,
    "angle_deg": 12.0,
    "flatness": 0.4,
    "length_unit": "m",
    "scale_sigma": 0.001,
    "gyro_off_deg": 0.3,
    "leap": 0.0,
}


@pytest.mark.parametrize(
    ("rule", "change", "passed", "stops"),
    [
        (rules.sessions_have_a_sparse_model, {}, True, False),
        (rules.sessions_have_a_sparse_model, {"reason": "no overlap"}, False, True),
        (rules.most_images_are_registered, {}, True, False),
        (rules.most_images_are_registered, {"share_registered": 0.8}, False, False),
        (rules.most_images_are_registered, {"share_registered": 0.4}, False, True),
        (rules.reprojection_errors_are_small, {}, True, False),
        (rules.reprojection_errors_are_small, {"reprojection_px": 1.5}, False, False),
        (rules.reprojection_errors_are_small, {"reprojection_px": 2.5}, False, True),
        (rules.points_rest_on_several_images, {}, True, False),
        (rules.points_rest_on_several_images, {"track_length": 2.1}, False, False),
        # two pictures cannot give more
        (
            rules.points_rest_on_several_images,
            {"track_length": 2.0, "num_registered": 2},
            True,
            False,
        ),
        (rules.cameras_have_moved_sideways, {}, True, False),
        (rules.cameras_have_moved_sideways, {"angle_deg": 1.0}, False, True),
        (rules.estimated_cameras_have_seen_depth, {}, True, False),
        (
            rules.estimated_cameras_have_seen_depth,
            {"share_flat_pairs": 1.0},
            False,
            True,
        ),
        (
            rules.estimated_cameras_have_seen_depth,
            {"share_flat_pairs": 1.0, "flatness": 0.01},
            False,
            False,
        ),
        (
            rules.estimated_cameras_have_seen_depth,
            {"share_flat_pairs": 1.0, "num_estimated_cameras": 0},
            True,
            False,
        ),
        (rules.models_have_a_scale, {}, True, False),
        (rules.models_have_a_scale, {"length_unit": "unknown"}, False, False),
        (rules.models_have_a_scale, {"scale_sigma": 0.05}, False, False),
        # of one or two stereo pairs nobody knows how sure it is
        (rules.models_have_a_scale, {"scale_sigma": None}, False, False),
        (rules.cameras_agree_with_gyroscopes, {}, True, False),
        (rules.cameras_agree_with_gyroscopes, {"gyro_off_deg": None}, True, False),
        # a model that is joined wrongly has no point that is off
        (rules.cameras_agree_with_gyroscopes, {"gyro_off_deg": 165.0}, False, True),
        (rules.cameras_agree_with_accelerometers, {}, True, False),
        (rules.cameras_agree_with_accelerometers, {"leap": None}, True, False),
        (rules.cameras_agree_with_accelerometers, {"leap": 0.04}, False, True),
    ],
)
def test_a_sparse_model_is_judged_by_what_it_rests_on(
    rule, change, passed, stops, rows_of
):
    verdict = rule(rows_of("sparse_models", 1, **{**SPARSE, **change}))
    assert (verdict.passed, verdict.stops) == (passed, stops), verdict.summary


def test_where_there_is_no_model_one_claim_blocks_and_the_others_say_why(rows_of):
    nothing = {name: None for name in ("track_length", "reprojection_px", "angle_deg")}
    rows = rows_of("sparse_models", 1, **SPARSE | nothing | {"reason": "no overlap"})
    verdicts = [rule({"sparse_models": rows}) for rule in rules.SPARSE_RULES]
    assert [v.name for v in verdicts if v.stops] == ["sessions_have_a_sparse_model"]
    assert {v.empty_reason for v in verdicts if v.passed} == {"no overlap"}


@pytest.mark.parametrize(
    ("places", "reasons", "passed"),
    [
        ([[0.0] * 6 + [1.0], None], [None, "no overlap"], True),
        ([None, None], [None, "no overlap"], False),
        ([[0.0] * 6 + [1.0]] * 2, [None, "no overlap"], False),
    ],
)
def test_a_picture_has_a_place_or_a_reason(places, reasons, passed, rows_of):
    rows = rows_of(
        "sparse_images", 2, num_points=9, world_from_camera=places, reason=reasons
    )
    assert rules.images_are_placed_or_say_why(rows).passed == passed


@pytest.mark.parametrize(
    ("kept", "counts", "passed"),
    [
        ([True, False], [3, 3], True),
        ([True, True], [3, 3], False),
        ([False, False], [3, 0], False),
        ([False, False], [0, 0], True),
    ],
)
def test_one_rung_is_kept_where_any_has_a_model(kept, counts, passed, rows_of):
    rows = rows_of("sparse_rungs", 2, num_registered=counts, is_kept=kept)
    assert rules.one_rung_is_kept_if_any_has_a_model(rows).passed == passed
