"""Which words are English, and how common they are: those are not taken for mistyped forms of others.

Belongs here: one look into the list of pyspellchecker, of words by how often films say them. Does not: mending.
"""

import gzip
import json
from functools import cache
from importlib.resources import files

_LEAST_OFTEN = 51  # the list has 50 for all words that were added to it by hand
_LEAST_OFTEN_SHORT = 800  # those of few letters that are rarer are rather mistyped
_MOST_SHORT = 4  # letters
# what people write about captures, and films do not say
_OF_THE_TRADE = """
api avi bag bags bmp coco colmap cpu csv cuda exif fps gif gps gpu hdf hz imu ini iou jpeg jpegs jpg json kitti lidar
mcap mesh mlflow mp4 npy onnx pcd png pngs pose poses radar ray rgb rgbd ros rosbag slam sql tiff torch url voc yaml
yolo zip
"""


@cache
def _read_words() -> dict[str, int]:
    packed = files("spellchecker").joinpath("resources", "en.json.gz").read_bytes()
    often: dict[str, int] = json.loads(gzip.decompress(packed))
    return often


@cache
def _read_trade() -> frozenset[str]:
    return frozenset(_OF_THE_TRADE.split())


def count_often(word: str) -> int:
    """How often films say a word, of those in the list."""
    return _read_words().get(word, 0)


def is_english(word: str) -> bool:
    """Whether it is a word as it stands, in lower case."""
    least = _LEAST_OFTEN_SHORT if len(word) <= _MOST_SHORT else _LEAST_OFTEN
    return word in _read_trade() or count_often(word) >= least
