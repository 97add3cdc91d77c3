"""Objects with points: what a batch holds, points in the pixels of their images, and a net that learns them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from assets.pretrained import read_imagenet
from models.nets.export import export_onnx
from models.recipes.keypoints import base_keypoints, tiny_keypoints
from models.tasks.keypoints import Keypoints, PoseTarget
from models.training.fit import Splits, fit
from models.training.seed import sample_rng
from models.types import PoseDetections, PoseSet, Sample

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = Keypoints()
CONFIG = replace(tiny_keypoints(), image_size_px=96, batch_size=5, num_keypoints=3)
PLAIN = replace(CONFIG, weights="none", frozen_stages=0, head_width=16)


def _draw(number: int, height: int = 96, width: int = 96) -> Sample:
    """One arrow to the right on grey.

    Its red tip, its green tail and its blue middle are the points; the middle may be hidden.
    """
    rng = np.random.default_rng(number)
    image = rng.integers(80, 100, (height, width, 3), dtype=np.uint8)
    angle = rng.uniform(-1, 1)
    length = rng.uniform(22, 30)
    middle = np.array([rng.uniform(36, width - 36), rng.uniform(36, height - 36)])
    step = length * np.array([np.cos(angle), np.sin(angle)])
    points = np.stack([middle + step, middle - step, middle])
    for place, colour in zip(
        points, ((230, 40, 40), (40, 230, 40), (40, 40, 230)), strict=True
    ):
        cv2.circle(image, (int(place[0]), int(place[1])), 6, colour, -1)
    box = np.concatenate([points.min(0) - 6, points.max(0) + 6])[None].astype(
        np.float32
    )
    seen = np.array([2, 2, 1 + number % 2])
    target = PoseSet(
        box,
        np.zeros(1, np.int64),
        np.column_stack([points, seen])[None].astype(np.float32),
    )
    return Sample(f"frame {number}", image, target)


def _empty(number: int) -> Sample:
    none = PoseSet(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        np.zeros((0, 0, 3), np.float32),
    )
    return Sample(f"empty {number}", np.full((96, 96, 3), 90, np.uint8), none)


def _batch(samples, config=CONFIG):
    return TASK.make_batch(
        samples, 1, config, [sample_rng(0, 0, n) for n in range(len(samples))]
    )


def _build(config=PLAIN, num_classes=1):
    torch.manual_seed(0)
    return TASK.build(config, num_classes, None)


def test_a_batch_holds_points_where_their_pixels_are():
    config = replace(CONFIG, zoom=(1.0, 1.0), colour_jitter=0.0)
    batch = _batch([_draw(0), _draw(1, 96, 192), _empty(2)], config)
    num_seen = 0
    for pixels, target in zip(batch.images, batch.targets, strict=True):
        assert (
            isinstance(target, PoseTarget)
            and len(target) == 2
            and len(target.points) == len(target[0])
        )
        for points in target.points:
            for channel, (x, y, seen) in enumerate(points.tolist()):
                if seen:
                    # red tip, green tail, blue middle
                    assert pixels[:, int(y), int(x)].argmax() == channel
                    num_seen += 1
    assert num_seen >= 5
    assert [len(target.points) for target in batch.part(1, 3).targets] == [1, 0]


def test_points_that_leave_the_canvas_are_labelled_no_more():
    half = replace(CONFIG, zoom=(3.0, 3.0), shift_share=0.0)
    points = torch.cat(
        [t.points for t in _batch([_draw(n) for n in range(10)], half).targets]
    ).reshape(-1, 3)
    is_inside = ((points[:, :2] >= 0) & (points[:, :2] < 96)).all(1)
    assert 0 < is_inside.sum() < len(points)
    assert (points[is_inside, 2] > 0).all() and (points[~is_inside, 2] == 0).all()


def test_it_overfits_ten_pictures():
    samples = [_draw(n) for n in range(10)]
    config = replace(
        CONFIG,
        epochs=30,
        score_every=30,
        lr=4e-3,
        head_width=32,
        zoom=(0.95, 1.05),
        shift_share=0.05,
    )
    torch.manual_seed(0)
    net = TASK.build(config, 1, read_imagenet())
    result = fit(net, TASK, Splits(samples, samples, 1), config, 0)
    net.load_state_dict(result.weights)
    with torch.inference_mode():
        figures = TASK.examine(net.eval(), samples, samples, config)
        found = TASK.predict(net, [s.image_rgb for s in samples], config)
    assert (
        figures["oks_map50"] == pytest.approx(result.metric)
        and figures["oks_map50"] > 0.9
    ), figures
    assert figures["box_map50"] > 0.9
    distances = [
        np.linalg.norm(f.points_xy[0] - s.target.points[0, :, :2], axis=1)
        for f, s in zip(found, samples, strict=True)
    ]
    assert np.median(distances) < 8  # px, of arrows that are 44 to 60 px long


def test_images_without_objects_and_objects_without_points_are_learnt_from():
    net = _build()
    bare = _draw(0)
    unseen = replace(
        bare, target=replace(bare.target, points=bare.target.points * [1, 1, 0])
    )
    for samples in ([_empty(0), _empty(1)], [unseen, _empty(1)]):
        net.zero_grad()
        loss = TASK.loss(net, _batch(samples, PLAIN))
        loss.backward()
        gradients = [p.grad for p in net.parameters() if p.requires_grad]
        assert torch.isfinite(loss) and all(
            g is not None and torch.isfinite(g).all() for g in gradients
        )
    # no point is labelled: nothing is said about points
    assert net.locate.weight.grad.abs().sum() == 0


def test_objects_may_have_fewer_points_than_the_net_and_not_more():
    net = _build(replace(PLAIN, num_keypoints=5))
    assert torch.isfinite(
        TASK.loss(net, _batch([_draw(0)], replace(PLAIN, num_keypoints=5)))
    )
    with pytest.raises(
        ValueError, match="frame 0 has objects of 3 points, num_keypoints = 2"
    ):
        _batch([_draw(0)], replace(PLAIN, num_keypoints=2))


def test_flips_are_refused():
    with pytest.raises(
        ValueError,
        match="flip_horizontal = True, flip_vertical = False with task = 'keypoints'",
    ):
        _build(replace(PLAIN, flip_horizontal=True))
    assert not base_keypoints().flip_horizontal


def test_predictions_lie_in_pixels_of_their_images():
    net = _build().eval()
    images = [_draw(0, 96, 192).image_rgb, _draw(1, 150, 80).image_rgb]
    torch.nn.init.zeros_(net.head.classify.bias)  # every cell is a candidate
    with torch.inference_mode():
        found = TASK.predict(net, images, replace(PLAIN, image_size_px=192))
        wide = TASK.predict(
            net, [cv2.resize(images[0], (384, 192))], replace(PLAIN, image_size_px=192)
        )[0]
    for image, one in zip(images, found, strict=True):
        height, width = image.shape[:2]
        assert len(one.scores) == len(one.points_xy) > 0 and one.points_xy.shape[
            1:
        ] == (3, 2)
        assert (np.diff(one.scores) <= 0).all()
        assert (one.boxes_xyxy >= 0).all() and (
            one.boxes_xyxy <= [width, height, width, height]
        ).all()
    # twice the image, twice the places
    assert wide.points_xy[..., 0].max() > 1.5 * found[0].points_xy[..., 0].max()


def test_a_split_without_points_is_no_figure():
    nothing = PoseDetections(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros(0, np.int64),
        np.zeros((0, 3, 2), np.float32),
    )
    with pytest.raises(
        ValueError, match="none of 1 validation frames has a labelled point"
    ):
        TASK.score([nothing], [_empty(0).target])
    with (
        torch.inference_mode(),
        pytest.raises(ValueError, match="none of 2 test frames has a labelled point"),
    ):
        TASK.examine(_build().eval(), [], [_empty(0), _empty(1)], PLAIN)


def test_the_shipped_net_says_what_the_net_says():
    form, names = TASK.deployed(_build().eval(), 96)
    content = export_onnx(
        form, torch.linspace(0, 255, 3 * 96 * 96).reshape(1, 3, 96, 96), names
    )
    pixels = (
        torch.from_numpy(np.stack([_draw(n).image_rgb for n in (3, 4)]))
        .permute(0, 3, 1, 2)
        .float()
    )
    with torch.inference_mode():
        wanted = form(pixels)
    found = onnxruntime.InferenceSession(content).run(
        list(names), {"pixels": pixels.numpy()}
    )
    num_cells = 12 * 12 + 6 * 6 + 3 * 3
    assert [v.shape for v in found] == [
        (2, num_cells, 1),
        (2, num_cells, 4),
        (2, num_cells, 3, 2),
    ]
    for one, other, tolerance in zip(wanted, found, (1e-4, 0.02, 0.02), strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=tolerance)
