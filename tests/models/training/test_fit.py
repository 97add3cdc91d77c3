"""The loop learns, repeats itself, reports, and names the frames it chokes on."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from assets.pretrained import read_imagenet
from models.recipes import get_recipe
from models.tasks import TASKS
from models.training import fit as fit_module
from models.training.failures import DoesNotFitError, NotFiniteError
from models.training.fit import Callbacks, Splits, fit
from models.training.flops import count_flops_by_size
from models.training.snapshot import FitResult, Snapshot
from models.types import BoxSet, Sample

SMALL_RCNN = "fasterrcnn_mobilenet_v3_large_320_fpn"


def _fit(
    task,
    samples,
    seed=0,
    val=None,
    imagenet=None,
    on_save=None,
    resume=None,
    use=None,
    prepare=None,
    **changes,
):
    pretrained = {} if imagenet else {"weights": "none", "frozen_stages": 0}
    config = replace(
        get_recipe(f"tiny_{task}"),
        batch_size=5,
        **{"image_size_px": 64, **pretrained, **changes},
    )
    num_classes = 3 if task == "segmentation" else 2  # the background is a class there
    torch.manual_seed(seed)
    net = TASKS[task].build(config, num_classes, imagenet)
    if prepare:
        prepare(net)
    events = []
    splits = Splits(samples, samples if val is None else val, num_classes)
    result = fit(
        net,
        use or TASKS[task],
        splits,
        config,
        seed,
        None,
        Callbacks(events.append, on_save),
        resume,
    )
    return result, events, net, config


@pytest.mark.parametrize("task", ["recognition", "detection", "segmentation"])
def test_tiny_recipe_overfits_ten_images(task, draw_samples):
    result, _, _, _ = _fit(
        task, draw_samples(task), imagenet=read_imagenet(), epochs=25, score_every=5
    )
    assert result.metric > (0.9 if task == "segmentation" else 0.95)
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"] / 2


def test_a_classifier_of_torchvision_learns_ten_images_from_nothing(draw_samples):
    result, _, _, _ = _fit(
        "recognition",
        draw_samples("recognition"),
        net="resnet18",
        epochs=10,
        ema_decay=0.9,
    )
    assert result.metric > 0.8
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"] / 2


def test_a_detector_of_torchvision_learns_ten_images_from_nothing(draw_samples):
    as_they_are = {
        "zoom": (1.0, 1.0),
        "shift_share": 0.0,
        "flip_horizontal": False,
        "colour_jitter": 0.0,
    }
    result, _, _, _ = _fit(
        "detection",
        draw_samples("detection"),
        prepare=_hasten,
        net=SMALL_RCNN,
        image_size_px=128,
        epochs=16,
        lr=1e-3,
        ema_decay=0.7,
        score_every=8,
        **as_they_are,
    )
    assert result.metric > 0.7
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"] / 2


def _hasten(detector):
    """Fewer proposals a step, and statistics that follow within some ten steps."""
    detector.net.rpn.fg_bg_sampler.batch_size_per_image = 32
    detector.net.roi_heads.fg_bg_sampler.batch_size_per_image = 16
    for module in detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.3


@pytest.mark.parametrize("task", ["recognition", "detection", "segmentation"])
def test_same_seed_same_weights_and_another_seed_others(task, draw_samples):
    one, two, other = (
        _fit(task, draw_samples(task), seed=s, epochs=2)[0].weights for s in (1, 1, 2)
    )
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_progress_is_reported_per_step_and_epoch(draw_samples):
    result, events, _, _ = _fit(
        "recognition", draw_samples("recognition"), epochs=3, score_every=2
    )
    assert [(e["kind"], e["epoch"]) for e in events] == [
        (kind, epoch) for epoch in range(3) for kind in ("step", "step", "epoch")
    ]  # ten images in batches of five
    assert [("val_accuracy" in row) for row in result.history] == [False, True, True]
    assert all(
        {"train_loss", "lr", "images_per_s", "seconds"} <= row.keys()
        for row in result.history
    )


def test_kept_weights_are_those_of_the_reported_metric(draw_samples):
    samples = draw_samples("recognition")
    result, _, net, config = _fit("recognition", samples, epochs=3)
    net.load_state_dict(result.weights)
    task = TASKS["recognition"]
    with torch.inference_mode():
        answers = task.predict(net.eval(), [s.image_rgb for s in samples], config)
    assert task.score(answers, [s.target for s in samples]) == result.metric
    assert result.metric == result.history[result.epoch]["val_accuracy"]
    assert result.best == max(row["val_accuracy"] for row in result.history)


class _Poisoned:
    """Detection whose loss is NaN when the batch holds the poisoned frame."""

    def __init__(self, frame_id):
        self.task = TASKS["recognition"]
        self.frame_id = frame_id

    def __getattr__(self, name):
        return getattr(self.task, name)

    def loss(self, net, batch):
        loss = self.task.loss(net, batch)
        return loss * float("nan") if self.frame_id in batch.frame_ids else loss


def test_nan_stops_the_training_and_names_the_frames(draw_samples):
    untrained = {"image_size_px": 64, "weights": "none", "frozen_stages": 0}
    config = replace(get_recipe("tiny_recognition"), batch_size=2, **untrained)
    task = _Poisoned("frame-7")
    samples = draw_samples("recognition")
    with pytest.raises(
        NotFiniteError, match=r"loss is nan in epoch 0, step \d, frames .*frame-7"
    ) as caught:
        fit(task.build(config, 2, None), task, Splits(samples, samples, 2), config, 0)
    assert str(caught.value).count("frame-") == 2


class _Greedy(_Poisoned):
    """Recognition whose loss asks for more memory than any machine has."""

    def loss(self, net, batch):
        return self.task.loss(net, batch) + torch.empty(2**60, dtype=torch.uint8).sum()


class _GreedyBatch(_Poisoned):
    """Recognition whose batches do."""

    def make_batch(self, samples, num_classes, config, rngs):
        torch.empty(2**60, dtype=torch.uint8)
        return self.task.make_batch(samples, num_classes, config, rngs)


@pytest.mark.parametrize("greedy", [_Greedy, _GreedyBatch])
def test_a_step_that_does_not_fit_in_memory_names_the_settings_that_help(
    draw_samples, greedy
):
    with pytest.raises(DoesNotFitError) as caught:
        _fit("recognition", draw_samples("recognition"), use=greedy(None))
    assert str(caught.value).startswith(
        "epoch 0, step 0 does not fit in memory: raise accumulate above 1, or set precision=bf16, or lower "
        "batch_size = 5 or image_size_px = 64 ("
    )
    assert "you tried to allocate 1152921504606846976 bytes" in str(caught.value)


class _Wrong(_Poisoned):
    """Recognition whose loss is a mistake of its author."""

    def loss(self, net, batch):
        return self.task.loss(net, batch) + torch.zeros(2, 3) @ torch.zeros(2, 3)


def test_other_errors_of_torch_stay_what_they_are(draw_samples):
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        _fit("recognition", draw_samples("recognition"), use=_Wrong(None))


def test_images_without_boxes_and_boxes_without_area_are_learnt_from(draw_samples):
    samples = draw_samples("detection", 4)
    empty = BoxSet(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    flat = BoxSet(np.array([[5, 5, 5, 20]], np.float32), np.array([0]))
    train = [
        *samples,
        Sample("empty", samples[0].image_rgb, empty),
        Sample("flat", samples[1].image_rgb, flat),
    ]
    result, _, _, _ = _fit("detection", train, val=samples, epochs=1)
    assert np.isfinite(result.history[0]["train_loss"])


def test_mixed_image_sizes_train_together(draw_samples):
    train = draw_samples("detection", 3) + draw_samples("detection", 3, side_px=96)
    result, _, _, _ = _fit("detection", train, epochs=1)
    assert len(result.history) == 1


@pytest.mark.parametrize(
    ("num_train", "num_val", "message"),
    [(0, 1, "0 training frames"), (1, 0, "no validation frame")],
)
def test_empty_split_is_refused(draw_samples, num_train, num_val, message):
    samples = draw_samples("recognition", 1)
    with pytest.raises(ValueError, match=message):
        _fit("recognition", samples * num_train, val=samples * num_val)


def test_time_limit_ends_early_with_a_scored_epoch(draw_samples):
    result, _, _, _ = _fit(
        "recognition", draw_samples("recognition"), epochs=50, max_minutes=1e-6
    )
    assert len(result.history) == 1 and "val_accuracy" in result.history[0]


@pytest.mark.parametrize(("limit_s", "num_steps"), [(39.0, 8), (3.0, 1)])
def test_a_time_limit_ends_within_an_epoch_with_time_for_its_validation(
    draw_samples, monkeypatch, limit_s, num_steps
):
    """Of ten steps each takes 3 s. By the rate ten images are scored in 10 * 3 / 2 = 15 s: 8 * 3 + 15 = 39."""
    clock_s = [0.0]
    take_step = fit_module.take_step

    def take(*args):
        clock_s[0] += 3.0
        return take_step(*args)

    monkeypatch.setattr(fit_module, "take_step", take)
    monkeypatch.setattr(fit_module.Meter, "seconds", property(lambda _: clock_s[0]))
    monkeypatch.setattr(fit_module.Meter, "rate", property(lambda _: 1 / 3))
    splits = (draw_samples("recognition", 50), draw_samples("recognition"))
    result, events, _, _ = _fit(
        "recognition", splits[0], val=splits[1], max_minutes=limit_s / 60
    )
    assert len([e for e in events if e["kind"] == "step"]) == num_steps
    assert len(result.history) == 1 and "val_accuracy" in result.history[0]


@pytest.mark.parametrize(
    ("task", "optimizer", "schedule", "precision", "steps"),
    [
        ("recognition", "adamw", "cosine", "fp32", (1, 2, 3, 4, 5)),
        # between two epochs, and within one
        ("recognition", "sgd", "one_cycle", "fp16", (2, 3)),
        ("detection", "adamw", "cosine", "fp16", (2, 3)),
        ("detection", "lars", "cosine", "fp32", (2, 3)),
        ("recognition", "lamb", "one_cycle", "fp32", (2, 3)),
    ],
)
def test_a_training_that_resumes_at_any_step_ends_with_the_same_weights(
    task, optimizer, schedule, precision, steps, draw_samples
):
    samples = draw_samples(task)
    saved = []
    changes = {
        "epochs": 3,
        "save_every": 1,
        "score_every": 2,
        "optimizer": optimizer,
        "schedule": schedule,
        "precision": precision,
        "image_size_px": 32,
    }
    whole, _, _, _ = _fit(task, samples, on_save=saved.append, **changes)
    # three epochs of two steps; the last step ends it
    assert [s.facts["step"] for s in saved] == [1, 2, 3, 4, 5]
    for snapshot in (s for s in saved if s.facts["step"] in steps):
        stored = Snapshot(
            load(save(snapshot.tensors)), json.loads(json.dumps(snapshot.facts))
        )
        resumed, events, _, _ = _fit(task, samples, seed=0, resume=stored, **changes)
        assert sum(e["kind"] == "step" for e in events) == 6 - snapshot.facts["step"]
        assert all(
            torch.equal(whole.weights[k], resumed.weights[k]) for k in whole.weights
        )
        assert [row["train_loss"] for row in whole.history] == [
            row["train_loss"] for row in resumed.history
        ]


@pytest.mark.parametrize(
    ("task", "net"), [("recognition", "mobilenet_v3_large"), ("detection", SMALL_RCNN)]
)
def test_a_net_with_batch_statistics_resumes_exactly(task, net, draw_samples):
    samples = draw_samples(task, 5)
    saved = []
    changes = {"net": net, "epochs": 4, "save_every": 1}
    whole, _, _, _ = _fit(task, samples, on_save=saved.append, **changes)
    assert [s.facts["step"] for s in saved] == [1, 2, 3]
    resumed, _, _, _ = _fit(task, samples, resume=saved[1], **changes)
    assert all(torch.equal(whole.weights[k], resumed.weights[k]) for k in whole.weights)
    means = [k for k in whole.weights if k.endswith("running_mean")]
    assert means and all(whole.weights[k].abs().max() > 0 for k in means)


@pytest.mark.parametrize(("unsaved_s", "steps"), [(0.0, [2, 4]), (1e9, [3])])
def test_an_epoch_ends_with_a_snapshot_where_the_last_is_some_time_ago(
    unsaved_s, steps, draw_samples, monkeypatch
):
    monkeypatch.setattr("models.training.fit._UNSAVED_S", unsaved_s)
    saved: list[Snapshot] = []
    samples = draw_samples("recognition")
    save_every = 3 if unsaved_s else 100
    _fit(
        "recognition",
        samples,
        on_save=saved.append,
        epochs=3,
        save_every=save_every,
        image_size_px=32,
    )
    # of six in three epochs; the end needs none
    assert [s.facts["step"] for s in saved] == steps


def test_a_snapshot_of_another_net_is_refused(draw_samples):
    saved: list[Snapshot] = []
    _fit(
        "recognition",
        draw_samples("recognition"),
        on_save=saved.append,
        epochs=2,
        save_every=1,
    )
    with pytest.raises(ValueError, match="another net"):
        _fit("detection", draw_samples("detection"), resume=saved[0], epochs=2)


def test_a_step_in_parts_learns_what_a_whole_one_learns(draw_samples):
    changes = {"epochs": 2, "dropout": 0.0, "optimizer": "sgd", "lr": 1e-2}
    whole, parts = (
        _fit("recognition", draw_samples("recognition"), accumulate=n, **changes)[0]
        for n in (1, 3)
    )
    for name, value in whole.weights.items():
        torch.testing.assert_close(parts.weights[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("task", ["recognition", "detection", "segmentation"])
def test_half_precision_learns_within_tolerance_of_float32(task, draw_samples):
    losses = {}
    for precision in ("fp32", "bf16", "fp16"):
        changes = {
            "epochs": 2,
            "precision": precision,
            "dropout": 0.0,
            "lr": 2e-4,
            "image_size_px": 32,
        }
        result, _, _, _ = _fit(task, draw_samples(task), **changes)
        assert all(v.dtype == torch.float32 for v in result.weights.values())
        losses[precision] = [row["train_loss"] for row in result.history]
    for precision in ("bf16", "fp16"):
        np.testing.assert_allclose(losses[precision], losses["fp32"], rtol=0.02)


def test_a_compiled_net_learns_within_tolerance_of_one_that_is_not(draw_samples):
    losses = []
    for is_compiled in (False, True):
        config = replace(
            get_recipe("tiny_recognition"),
            image_size_px=32,
            batch_size=5,
            epochs=3,
            weights="none",
            frozen_stages=0,
            is_compiled=is_compiled,
        )
        torch.manual_seed(0)
        net = nn.Sequential(
            OrderedDict(
                see=nn.Conv2d(3, 4, 8, 8),
                flatten=nn.Flatten(),
                classify=nn.Linear(64, 2),
            )
        )
        samples = draw_samples("recognition")
        result = fit(net, TASKS["recognition"], Splits(samples, samples, 2), config, 0)
        losses.append([row["train_loss"] for row in result.history])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_training_ends_after_as_many_epochs_without_gain_as_patience_allows(
    draw_samples,
):
    samples = draw_samples("recognition")
    result, _, _, _ = _fit(
        "recognition", samples, val=samples[:1], epochs=50, patience=3, lr=1e-9
    )
    assert len(result.history) == result.best_epoch + 1 + 3 < 50


def test_patience_waits_for_the_first_score(draw_samples):
    result, _, _, _ = _fit(
        "recognition", draw_samples("recognition"), epochs=6, patience=1, score_every=4
    )
    # scored in the fourth epoch, given up after the fifth
    assert len(result.history) == 5 and result.epoch == 3


@pytest.mark.parametrize(
    ("metrics", "kept"),
    [
        ([0.5, 0.9, 0.88, 0.5], 2),  # by 100 images, 0.9 is known to 0.03
        ([0.5, 0.9, 0.86], 1),
        ([0.9, 0.88, 0.86], 1),  # the best stays what others are compared with
        ([0.9, 1.0, 0.999], 1),
        ([0.0, 0.0], 1),
        ([-2.0, -1.0, -1.01], 1),  # no share: nobody knows its error
    ],
)
def test_the_last_epoch_within_a_standard_error_of_the_best_is_kept(metrics, kept):
    result = FitResult()
    keeps = [
        epoch
        for epoch, metric in enumerate(metrics)
        if result.judge(epoch, metric, 100)
    ]
    assert keeps[-1] == result.epoch == kept and result.metric == metrics[kept]
    assert result.best == max(metrics) == metrics[result.best_epoch]
    assert not result.judge(len(metrics), float("nan"), 100)


def test_every_epoch_says_what_it_cost(draw_samples):
    result, _, net, _ = _fit("recognition", draw_samples("recognition"), epochs=2)
    flops_of_image = count_flops_by_size(net)(64, 64)
    for row in result.history:
        assert 0 < row["data_wait_share"] < 1
        assert row["tflops_per_s"] == pytest.approx(
            row["images_per_s"] * flops_of_image / 1e12
        )
        assert "mfu" not in row  # nobody publishes what a CPU can do
        assert row["peak_memory_mib"] > 50 and 0 < row["device_hours"] < 0.1
    assert result.history[1]["device_hours"] > result.history[0]["device_hours"]
