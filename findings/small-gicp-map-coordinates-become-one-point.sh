#!/usr/bin/env bash
# Finding: a cloud in map coordinates is one point after small-gicp thinned it out, and aligning two such
#   clouds converges to a wrong shift
#
# Packages: small-gicp==1.0.1, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: coordinates are doubles, so that a cloud and the same cloud moved to where it lies on the map are
#   thinned out and aligned alike; or what cannot be done is refused.
#
# Seen: 3,000 points of 20 m x 20 m, and a copy shifted by (0.3, 0.2, 0.1) m. About the origin 1,555
#   points are left at 0.5 m and `align` finds the shift within a millimetre. At UTM coordinates one point
#   is left, their mean, and `align` says `converged`, with one inlier, an error of 0 and a shift of
#   (0.02, 0.22, 0.00). Cells are numbered with 21 bits an axis, so that cells of 0.5 m end at 524 km. The
#   documentation says that points outside are ignored; they become one cell. A line on stderr tells of
#   each such point, and no result does.
#
# Why it matters: northings are 4,000 to 6,000 km in most of Europe and the USA. A registration of scans
#   from survey files passes its check of `converged`, and even of the error, which is the smallest there
#   is.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q small-gicp==1.0.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - 2> "$work/log" <<'PY' || { tail -n 5 "$work/log"; exit 1; }
import numpy as np
import small_gicp

SHIFT_M = np.array([0.3, 0.2, 0.1])
CELL_M = 0.5
random = np.random.default_rng(0)
ground = random.uniform(0, 20, (3000, 3))
ground[:, 2] = 0.3 * np.sin(ground[:, 0]) + 0.2 * np.cos(2 * ground[:, 1])
ground[:600, 0], ground[:600, 2] = 5, random.uniform(0, 3, 600)  # a wall


def thinned_and_aligned(place):
    target = ground + place
    left = small_gicp.voxelgrid_sampling(target, CELL_M).size()
    result = small_gicp.align(target, target + SHIFT_M, downsampling_resolution=CELL_M)
    return left, result, -result.T_target_source[:3, 3]


left, result, shift = thinned_and_aligned(np.zeros(3))
map_left, map_result, map_shift = thinned_and_aligned(np.array([500000.0, 5600000.0, 100.0]))
print("origin:", left, "points, shift", shift.round(3), "of", result.num_inliers)
print("map:", map_left, "points, shift", map_shift.round(3), "of", map_result.num_inliers, map_result.error)
assert left > 1000 and result.converged and np.abs(shift - SHIFT_M).max() < 0.001
assert map_left == 1
assert map_result.converged and map_result.num_inliers == 1 and map_result.error < 1e-6
assert np.abs(map_shift - SHIFT_M).max() > 0.05
PY
cat "$work/log" | sort | uniq -c
