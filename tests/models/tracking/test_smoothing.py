"""The smoother of many paths is the one of textbooks, path by path, and knows how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from models.tracking.motion import SIDES
from models.tracking.smoothing import smooth_paths


def draw_box(left, height=40.0):
    return [left, 0.0, left + height / 2, height]


def textbook(frames, boxes):
    """Means (L, 4) by matrices: Kalman forth, Rauch-Tung-Striebel back."""
    step = np.array([[1.0, 1.0], [0.0, 1.0]])
    measured = dict(zip(frames, SIDES.measure(np.array(boxes)), strict=True))
    length = frames[-1] - frames[0] + 1
    means = np.zeros((length, 4))
    for axis in range(4):
        first = measured[frames[0]][None]
        p, v = (term[0, axis] for term in SIDES.start(first))
        state, cov = np.array([measured[frames[0]][axis], 0.0]), np.diag([p, v])
        states, covs, ahead, ahead_covs = [state], [cov], [None], [None]
        heights = textbook_heights(frames, measured) if axis != 3 else None
        for n in range(1, length):
            mean = np.zeros((1, 4))
            mean[0, 3] = states[-1][0] if axis == 3 else heights[n - 1][0]
            noise = np.diag([term[0, axis] for term in SIDES.stray(mean)])
            state, cov = step @ states[-1], step @ covs[-1] @ step.T + noise
            ahead.append(state)
            ahead_covs.append(cov)
            if frames[0] + n in measured:
                mean[0, 3] = state[0] if axis == 3 else heights[n - 1][1]
                doubt = SIDES.doubt(mean)[0, axis]
                gain = cov[:, 0] / (cov[0, 0] + doubt)
                off = measured[frames[0] + n][axis] - state[0]
                state = state + gain * off
                cov = cov - np.outer(gain, cov[0])
            states.append(state)
            covs.append(cov)
        back = states[-1]
        means[-1, axis] = back[0]
        for n in range(length - 2, -1, -1):
            gain = covs[n] @ step.T @ np.linalg.inv(ahead_covs[n + 1])
            back = states[n] + gain @ (back - ahead[n + 1])
            means[n, axis] = back[0]
    return means


def textbook_heights(frames, measured):
    """(height after a step, height before the next box), which the noise of all four goes by."""
    found = []
    p, v = (term[0, 3] for term in SIDES.start(measured[frames[0]][None]))
    mean, speed, both = measured[frames[0]][3], 0.0, 0.0
    for frame in range(frames[0] + 1, frames[-1] + 1):
        at = np.zeros((1, 4))
        at[0, 3] = mean
        stray, stray_speed = (term[0, 3] for term in SIDES.stray(at))
        after = mean
        mean, p, both, v = (
            mean + speed,
            p + 2 * both + v + stray,
            both + v,
            v + stray_speed,
        )
        found.append((after, mean))
        if frame in measured:
            at[0, 3] = mean
            total = p + SIDES.doubt(at)[0, 3]
            gain, gain_speed = p / total, both / total
            off = measured[frame][3] - mean
            mean, speed = mean + gain * off, speed + gain_speed * off
            p, both, v = (1 - gain) * p, (1 - gain) * both, v - gain_speed * both
    return found


def test_paths_of_any_length_are_smoothed_as_textbooks_do():
    rng = np.random.default_rng(4)
    seen = [
        (frames, [draw_box(3 * n + rng.normal(), 40 + rng.normal()) for n in frames])
        for frames in ([0], [5, 6, 7, 9, 14], [2, 3], list(range(20)))
    ]
    frames = np.concatenate([np.array(f) for f, _ in seen])
    labels = np.concatenate([np.full(len(f), n) for n, (f, _) in enumerate(seen)])
    boxes = np.concatenate([np.array(b) for _, b in seen])
    shuffled = rng.permutation(len(frames))
    paths = smooth_paths(frames[shuffled], labels[shuffled], boxes[shuffled])
    assert paths.starts.tolist() == [0, 5, 2, 0] and paths.lengths.tolist() == [
        1,
        10,
        2,
        20,
    ]
    assert paths.frames[1:11].tolist() == list(range(5, 15))
    for number, (of_path, mine) in enumerate(seen):
        rows = slice(paths.firsts[number], paths.lasts[number] + 1)
        assert paths.mean[rows] == pytest.approx(textbook(of_path, mine), abs=1e-9)


def test_a_path_is_least_sure_in_the_middle_of_its_gap():
    frames = np.array([0, 1, 2, 3, 13, 14, 15, 16])
    boxes = np.array([draw_box(2.0 * n) for n in frames])
    paths = smooth_paths(frames, np.zeros(8, int), boxes)
    assert int(paths.deviation[:, 0].argmax()) in (8, 9)
    assert paths.deviation[8, 0] > 1.2 * paths.deviation[3, 0]
    assert paths.mean[8, 0] == pytest.approx(10 + 16, abs=1.0)


def test_of_no_box_there_is_no_path():
    none = np.zeros(0, int)
    assert not len(smooth_paths(none, none, np.zeros((0, 4))).frames)
