"""What a replica says of a batch, believed as far as it can be checked: it has opened foreign bytes.

Belongs here: that an answer has the form and the size of one. Does not: whether it is right, which nobody can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assets.sandbox.guard import ImageFacts
from assets.serving.pictures import LIMITS
from assets.serving.protocol import Message
from assets.serving.queue import Answered
from assets.serving.refusals import Refused
from assets.tables.schemas.serving import QUALITY

_Side = Annotated[int, Field(ge=1, le=LIMITS.side_px)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Score = Annotated[float, Field(ge=0, le=1.0001)]  # a float32 sum may exceed 1
_Words = Annotated[str, Field(max_length=1000)]


class NoAnswers(ValueError):
    """What was said has not the form of answers on a batch."""


@dataclass(frozen=True)
class Answers:
    """An answer an image, or why it has none, and whether the replica's time is over."""

    each: Sequence[Answered | Refused | RuntimeError]
    is_over: bool


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Facts(_Part):
    width_px: _Side
    height_px: _Side
    encoding: Literal["jpeg", "png"]
    channels: Annotated[int, Field(ge=1, le=4)]
    bits: Annotated[int, Field(ge=8, le=32)]
    is_depth_candidate: bool
    quality: dict[_Words, _Finite | _Words] | None

    @model_validator(mode="after")
    def _require_small(self) -> _Facts:
        if self.width_px * self.height_px > LIMITS.pixels:
            raise ValueError("more pixels than any picture may have")
        if self.quality is not None and set(self.quality) != set(QUALITY):
            raise ValueError("other figures than those of quality")
        return self


class _Columns(_Part):
    boxes_xyxy: list[_Finite]
    class_names: list[_Words]
    scores: list[_Score]
    mask_rles: list[str] | None

    @model_validator(mode="after")
    def _require_as_many(self) -> _Columns:
        num = len(self.class_names)
        is_boxed = len(self.boxes_xyxy) in (0, 4 * num)
        is_masked = self.mask_rles is None or len(self.mask_rles) == num
        if len(self.scores) != num or not is_boxed or not is_masked:
            raise ValueError("not as many scores, boxes and masks as names")
        return self


class _Refusal(_Part):
    status: Literal[415, 422]
    reason: _Words
    remedy: _Words


class _Answer(_Part):
    facts: _Facts
    columns: _Columns


class _Refused(_Part):
    refused: _Refusal


class _Batch(_Part):
    answers: list[_Answer | _Refused]
    seconds: _Seconds
    work_s: _Seconds
    is_over: bool


class _Error(_Part):
    error: _Words
    is_over: bool


def read_answers(said: Message, num_images: int) -> Answers:
    """The answers on a batch of so many. Raises NoAnswers."""
    try:
        if "error" in said:
            error = _Error.model_validate(said)
            each = [RuntimeError(error.error) for _ in range(num_images)]
            return Answers(each, error.is_over)
        batch = _Batch.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NoAnswers(f"what is no answer: {where}: {first['msg']}"[:300]) from error
    if len(batch.answers) != num_images:
        raise NoAnswers(f"{len(batch.answers)} answers on {num_images} images")
    return Answers([_read(one, batch) for one in batch.answers], batch.is_over)


def _read(one: _Answer | _Refused, batch: _Batch) -> Answered | Refused:
    if isinstance(one, _Refused):
        return Refused(one.refused.status, one.refused.reason, one.refused.remedy)
    num = len(batch.answers)
    return Answered(
        ImageFacts(**one.facts.model_dump()),
        one.columns.model_dump(),
        num,
        batch.seconds / num,
        batch.work_s / num,
    )
