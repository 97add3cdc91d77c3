"""The values that tasks take and give: images, boxes, class probabilities, maps of classes.

Boxes are `xyxy` in pixels of the image they belong to: x to the right, y down, origin at the outer corner of the
top-left pixel, so a box that covers a whole W x H image is (0, 0, W, H). Images are uint8 RGB, height first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) RGB
IGNORE = 255  # in a semantic map: nobody says what this pixel shows


class StoredImage(Protocol):
    """An image that is decoded when it is looked at, as finely as it is needed."""

    @property
    def payload(self) -> bytes:
        """As it is encoded."""

    @property
    def device(self) -> str | None:
        """PyTorch's name of the GPU that decodes it together with others of a batch, where there is one."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in px, at full scale."""

    def read(self, scale: float = 1.0) -> tuple[Image, int]:
        """The image at 1/r of its sides (rounded up), and r: a power of two with 1/r >= `scale`, where it is not 1."""


@dataclass(frozen=True)
class BoxSet:
    """Ground-truth boxes of one image."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4) px
    # (N,) index into the class names, 0-based, no background class
    class_ids: NDArray[np.int64]

    def __post_init__(self) -> None:
        assert self.boxes_xyxy.shape == (len(self.class_ids), 4), (
            self.boxes_xyxy.shape,
            len(self.class_ids),
        )


@dataclass(frozen=True)
class Detections:
    """Predicted boxes of one image, highest score first."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4) px
    scores: NDArray[np.float32]  # (N,) in [0, 1]
    class_ids: NDArray[np.int64]  # (N,)


@dataclass(frozen=True)
class InstanceSet(BoxSet):
    """Ground-truth objects of one image: boxes, and which pixels each object covers."""

    masks: NDArray[np.bool_]  # (N, H, W)

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.masks.ndim == 3 and self.masks.dtype == bool, (
            self.masks.shape,
            self.masks.dtype,
        )
        assert len(self.masks) == len(self.class_ids), (
            self.masks.shape,
            len(self.class_ids),
        )


@dataclass(frozen=True)
class InstanceDetections(Detections):
    """Predicted objects of one image, highest score first. Masks are run lengths: arrays of a large image are large."""

    mask_rles: tuple[str, ...]  # N, COCO compressed counts
    size_hw: tuple[int, int]  # px, of the image and of every mask


@dataclass(frozen=True)
class PoseSet(BoxSet):
    """Ground-truth objects of one image: boxes, and where the points of each object lie."""

    # (N, K, 3) x, y px and visibility: 0 nobody says, 1 hidden, 2 seen
    points: NDArray[np.float32]

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.points.shape[::2] == (len(self.class_ids), 3), (
            self.points.shape,
            len(self.class_ids),
        )


@dataclass(frozen=True)
class PoseDetections(Detections):
    """Predicted objects of one image, highest score first, each with all points that an object can have."""

    points_xy: NDArray[np.float32]  # (N, K, 2) px


@dataclass(frozen=True)
class Probabilities:
    """Predicted class distribution of one image."""

    values: NDArray[np.float32]  # (C,) sums to 1


@dataclass(frozen=True)
class SemanticMap:
    """The class of every pixel of one image, or IGNORE."""

    class_ids: NDArray[np.uint8]  # (H, W) index into the class names

    def __post_init__(self) -> None:
        assert self.class_ids.ndim == 2 and self.class_ids.dtype == np.uint8, (
            self.class_ids.shape,
            self.class_ids.dtype,
        )


@dataclass(frozen=True)
class SemanticPrediction:
    """The predicted class of every pixel of one image: no pixel is left out."""

    map: SemanticMap
    # (C,) mean probability over the pixels given to each class; 0 where there is none
    confidences: NDArray[np.float32]
    # some pixels in full; None where nobody needs them
    probe: PixelProbe | None = None


@dataclass(frozen=True)
class PixelProbe:
    """The class distribution of M pixels of one image, spread over it."""

    places: NDArray[np.int64]  # (M,) row by row
    probabilities: NDArray[np.float32]  # (M, C)


@dataclass(frozen=True)
class Embedding:
    """Where one image lies in the space of features, and where a part of it lies: (D,) each, of unit length."""

    values: NDArray[np.float32]
    part: NDArray[np.float32]


# of recognition, detection, segmentation
Prediction = Probabilities | Detections | SemanticPrediction
# class id of recognition, boxes of detection, map of segmentation; of multilabel the ids of all classes that show; of
# pretraining the class id, None where nobody says; of instances boxes with masks; of keypoints boxes with points
Target = int | BoxSet | SemanticMap | frozenset[int] | None


@dataclass(frozen=True)
class Sample:
    """One training or test example."""

    frame_id: str
    image: Image | StoredImage
    target: Target

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return (
            (self.image.shape[0], self.image.shape[1])
            if isinstance(self.image, np.ndarray)
            else self.image.size_hw
        )

    @property
    def image_rgb(self) -> Image:
        """The whole image at full scale."""
        return self.read()[0]

    def read(self, scale: float = 1.0) -> tuple[Image, int]:
        """The image, not necessarily larger than `scale` asks for, and by what its sides are divided."""
        return (
            (self.image, 1)
            if isinstance(self.image, np.ndarray)
            else self.image.read(scale)
        )
