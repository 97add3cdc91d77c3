"""What is asked and answered over HTTP, as types: OpenAPI follows from them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assets.sandbox.guard import ImageFacts
from assets.serving.versions import Version
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION

MOST_IMAGES = 16  # of a request


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageSource(_Strict):
    """One image: a stored frame by its id, an address of the stores, or bytes as base64."""

    frame_id: str | None = Field(None, pattern=r"^[0-9a-f]{32}$")
    url: str | None = Field(None, max_length=2000)
    base64: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> ImageSource:
        if sum(v is not None for v in (self.frame_id, self.url, self.base64)) != 1:
            raise ValueError("give one of frame_id, url and base64")
        return self


class Question(_Strict):
    """Images that one version answers together."""

    images: list[ImageSource] = Field(min_length=1, max_length=MOST_IMAGES)


class ModelName(_Strict):
    """The version that answered."""

    name: str
    version: int
    sha256: str
    release_id: str


class ClassScore(_Strict):
    """A class and its probability."""

    class_name: str
    score: float


class FoundObject(ClassScore):
    """An object with its box, px of the image, x to the right and y down."""

    box_xyxy: tuple[float, float, float, float]


class FoundMask(ClassScore):
    """The pixels of a class, as COCO's compressed run lengths, and their mean probability."""

    mask_rle: str


class ImageAnswer(_Strict):
    """What every answer on an image says."""

    width_px: int
    height_px: int


class ClassesOfImage(ImageAnswer):
    """All classes, the most probable first."""

    classes: list[ClassScore]


class ObjectsOfImage(ImageAnswer):
    """Objects, the highest score first."""

    objects: list[FoundObject]


class MasksOfImage(ImageAnswer):
    """A mask for each class that shows; together they cover every pixel."""

    masks: list[FoundMask]


class _Reply(_Strict):
    request_id: str
    task: str
    model: ModelName


class RecognitionReply(_Reply):
    """One answer an image, in their order, all of one version."""

    answers: list[ClassesOfImage]


class DetectionReply(_Reply):
    """One answer an image, in their order, all of one version."""

    answers: list[ObjectsOfImage]


class SegmentationReply(_Reply):
    """One answer an image, in their order, all of one version."""

    answers: list[MasksOfImage]


class Problem(_Strict):
    """Why there is no answer. `image` is the place of the image it is about, where it is about one."""

    request_id: str
    reason: str
    remedy: str
    image: int | None = None


Reply = RecognitionReply | DetectionReply | SegmentationReply
REPLIES: dict[str, type[Reply]] = {
    RECOGNITION: RecognitionReply,
    DETECTION: DetectionReply,
    SEGMENTATION: SegmentationReply,
}


def name_model(version: Version) -> ModelName:
    """A version as an answer names it."""
    return ModelName(
        name=version.model_name,
        version=version.model_version,
        sha256=version.model_sha256,
        release_id=version.release_id,
    )


def read_columns(
    task: str, columns: dict[str, Any], facts: ImageFacts
) -> ClassesOfImage | ObjectsOfImage | MasksOfImage:
    """An answer as columns of `predictions`, typed."""
    pairs = list(zip(columns["class_names"], columns["scores"], strict=True))
    size = {"width_px": facts.width_px, "height_px": facts.height_px}
    if task == RECOGNITION:
        classes = [ClassScore(class_name=n, score=s) for n, s in pairs]
        return ClassesOfImage(**size, classes=classes)
    if task == DETECTION:
        sides = columns["boxes_xyxy"]
        boxes = [tuple(sides[at : at + 4]) for at in range(0, len(sides), 4)]
        objects = [
            FoundObject(class_name=n, score=s, box_xyxy=box)
            for (n, s), box in zip(pairs, boxes, strict=True)
        ]
        return ObjectsOfImage(**size, objects=objects)
    masks = [
        FoundMask(class_name=n, score=s, mask_rle=rle)
        for (n, s), rle in zip(pairs, columns["mask_rles"], strict=True)
    ]
    return MasksOfImage(**size, masks=masks)
