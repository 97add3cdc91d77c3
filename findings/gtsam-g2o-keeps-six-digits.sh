#!/usr/bin/env bash
# Finding: poses in map coordinates that gtsam saves as g2o are some metres off when they are read again,
#   and a file of 3-D poses read without a flag is an empty graph
#
# Packages: gtsam==4.3.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: `writeG2o` and `readG2o` of one library give back the doubles that were saved, or nearly; a file
#   whose every line is 3-D is read as what it is, or refused.
#
# Seen: two poses at UTM coordinates, 2.1 m from each other, with the step between them: the error of the
#   graph is 0. What is written is "500000 5.6e+06" and "500002 5.6e+06": six significant digits. After
#   reading the poses are 2 m apart along one axis and 0 along the other, and the error is 125. Turns are
#   cut as well: 0.149438 for 0.149438132. `readG2o(path)` of the same file returns no factor and no
#   value, and no error; only `readG2o(path, True)` reads it.
#
# Why it matters: g2o is the format in which graphs go from one optimiser to the next, or are kept to
#   begin from. A solved map in a national grid begins again with blocks of ten metres, and who forgets
#   the flag optimises nothing, to an error of 0.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q gtsam==4.3.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import gtsam
import numpy as np

TURN = gtsam.Rot3.Yaw(0.3)
FIRST, SECOND = np.array([500000.123, 5600000.765, 123.456]), np.array([500001.623, 5600002.265, 123.956])
poses = gtsam.Values()
poses.insert(0, gtsam.Pose3(TURN, FIRST))
poses.insert(1, gtsam.Pose3(TURN, SECOND))
graph = gtsam.NonlinearFactorGraph()
step = poses.atPose3(0).between(poses.atPose3(1))
graph.add(gtsam.BetweenFactorPose3(0, 1, step, gtsam.noiseModel.Isotropic.Sigma(6, 0.1)))
assert graph.error(poses) < 1e-12

gtsam.writeG2o(graph, poses, "map.g2o")
print(open("map.g2o").read())
read_graph, read_poses = gtsam.readG2o("map.g2o", True)
apart = read_poses.atPose3(1).translation() - read_poses.atPose3(0).translation()
print("apart:", apart, "for", SECOND - FIRST, "error:", read_graph.error(read_poses))
assert np.allclose(apart, [2.0, 0.0, 0.5]), apart
assert 120 < read_graph.error(read_poses) < 130

without_flag_graph, without_flag_poses = gtsam.readG2o("map.g2o")
print("without the flag:", without_flag_graph.size(), "factors and", without_flag_poses.size(), "poses")
assert without_flag_graph.size() == 0 and without_flag_poses.size() == 0
PY
