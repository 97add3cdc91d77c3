#!/usr/bin/env bash
# Finding: pictures in a folder whose name has a space are all one name after pycolmap wrote its model as
#   text and read it again
#
# Packages: pycolmap==4.2.1, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: text and binary are two spellings of one model. NAME is the last field of its line in images.txt,
#   so that it may hold spaces; or writing such a name is refused.
#
# Seen: four pictures "left camera/frame 1.png" to 4. The binary model has the four names. The text that
#   `write_text` writes has them too, and `read_text` returns "left" for all four, up to the first space,
#   without a word. Poses, points and observations are right. `find_image_with_name` finds none of the
#   pictures by its name, and one by "left".
#
# Why it matters: text is what people edit, hand on, and write for COLMAP from other sources. A model that
#   went through it names four times a picture that is not there; who pairs poses with pictures by name
#   gets one pose for all, or none, and who keeps names in a dict has a model of one picture.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycolmap==4.2.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
from pathlib import Path

import pycolmap

options = pycolmap.SyntheticDatasetOptions()
options.num_rigs, options.num_frames_per_rig, options.num_points3D = 1, 4, 30
model = pycolmap.synthesize_dataset(options)
for number, image in enumerate(model.images.values(), start=1):
    image.name = f"left camera/frame {number}.png"
names = sorted(image.name for image in model.images.values())


def read_back(kind):
    folder = Path(kind)
    folder.mkdir()
    getattr(model, f"write_{kind}")(folder)
    again = pycolmap.Reconstruction()
    getattr(again, f"read_{kind}")(folder)
    assert again.num_points3D() == 30 and again.num_images() == 4
    return sorted(image.name for image in again.images.values()), again


binary, _ = read_back("binary")
text, from_text = read_back("text")
print("binary:", binary, "text:", text)
assert binary == names
assert all(name in Path("text/images.txt").read_text() for name in names)
assert text == ["left"] * 4, text
assert [name for name in [*names, "left"] if from_text.find_image_with_name(name)] == ["left"]
PY
