#!/usr/bin/env bash
# Finding: gsplat's DefaultStrategy never resets opacities: `reset_every` does nothing, whatever it is
#
# Packages: gsplat==1.5.3, torch==2.15.0 (Python 3.11 or later; 3 GB on Linux, two minutes; no GPU)
#
# Guess: as its documentation says, "periodically reset GSs to a lower opacity", every 3000 steps
#   or every `reset_every`, as in the paper of 3-D Gaussian splatting.
#
# Seen: with reset_every=10, 40 steps of the strategy over Gaussians of opacity 0.9 leave them all at 0.9. The
#   condition is `step % self.reset_every == 0 & step > 0`: & binds before ==, and Python chains the
#   rest, so it asks whether 0 is above 0. `reset_opa` called by hand lowers them to 0.01.
#
# Why it matters: the reset is what removes haze before the cameras. Who tunes `reset_every`, or
#   `pause_refine_after_reset` beside it, tunes nothing; and results of gsplat's own trainer are
#   those of an algorithm without resets, though both say that they follow the paper.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q gsplat==1.5.3 torch==2.15.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import torch
from gsplat import DefaultStrategy
from gsplat.strategy.ops import reset_opa

count = 6
shapes = {"means": (count, 3), "scales": (count, 3), "quats": (count, 4), "opacities": (count,)}
params = {name: torch.nn.Parameter(torch.ones(shape)) for name, shape in shapes.items()}
params["opacities"].data.fill_(torch.logit(torch.tensor(0.9)).item())
optimizers = {name: torch.optim.Adam([p], lr=0.0) for name, p in params.items()}
strategy = DefaultStrategy(reset_every=10, refine_start_iter=1000)
strategy.check_sanity(params, optimizers)
state = strategy.initialize_state()


def opacity():
    return torch.sigmoid(params["opacities"]).max().item()


for step in range(40):
    means2d = torch.zeros(1, count, 2, requires_grad=True)
    info = {
        "means2d": means2d,
        "width": 64,
        "height": 48,
        "n_cameras": 1,
        "radii": torch.ones(1, count, 2),
        "gaussian_ids": None,
    }
    strategy.step_pre_backward(params, optimizers, state, step, info)
    means2d.sum().backward()
    strategy.step_post_backward(params, optimizers, state, step, info)
after = opacity()
reset_opa(params=params, optimizers=optimizers, state=state, value=0.01)
print(f"opacity after 40 steps with reset_every=10: {after:.2f}; after reset_opa by hand: {opacity():.2f}")
assert abs(after - 0.9) < 1e-5, after
assert abs(opacity() - 0.01) < 1e-5, opacity()
print("as described")
PY
