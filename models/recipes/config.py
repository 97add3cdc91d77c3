"""The whole configuration of one training: a frozen value, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from models.net_names import LITE0, count_stages, nets_for
from models.task_names import PLACED, RECOGNITION

_WEIGHTS = ("packaged", "none", "hub")


@dataclass(frozen=True)
class TrainConfig:
    """What a recipe returns. Sizes in px, rates per optimiser step, shares in [0, 1]."""

    name: str
    task: str
    image_size_px: int  # long side of the input; of recognition, multilabel and pretraining: side of its square
    epochs: int
    batch_size: int  # over all workers together
    lr: float  # peak
    net: str = LITE0  # one of NETS for the task
    weights: str = "packaged"  # with the installed package; none; torchvision's hub; or the path of a .safetensors file
    # the batch that `lr` was found for: the peak grows with batch_size / lr_batch
    lr_batch: int | None = None
    schedule: Literal["cosine", "one_cycle"] = "cosine"  # both rise over warmup_share
    optimizer: Literal["adamw", "sgd", "lars", "lamb"] = "adamw"
    backbone_lr_factor: float = 0.3  # of a backbone that knows images already
    weight_decay: float = 0.02
    warmup_share: float = 0.1  # of all steps
    clip_norm: float = 10.0
    ema_decay: float = 0.98
    frozen_stages: int = 2  # of the backbone, with its stem; 0 trains everything
    # channels of pyramid and heads of lite0, where labels have places
    head_width: int = 64
    # keypoints: of the class that has most; COCO's person has 17
    num_keypoints: int = 17
    zoom: tuple[float, float] = (0.8, 1.25)  # scale jitter
    shift_share: float = 0.1  # of the side, each way
    flip_horizontal: bool = True
    flip_vertical: bool = False
    # largest relative change of brightness, contrast and saturation
    colour_jitter: float = 0.2
    dropout: float = 0.2  # recognition: share of the features left out in a step
    label_smoothing: float = 0.0  # recognition
    mixup_alpha: float = 0.0  # recognition; 0 is off
    # recognition; 0 is off; with mixup, each takes half of the batches
    cutmix_alpha: float = 0.0
    # share of the image's area that is seen; not where labels have places
    crop_area: tuple[float, float] | None = None
    # of activations; weights stay fp32
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    is_compiled: bool = False  # torch.compile
    # of net and optimiser over the workers (FSDP), where they do not fit
    sharding: Literal["none", "full"] = "none"
    # parts that a step is computed in, where it does not fit in memory
    accumulate: int = 1
    # epochs without a better metric after which training ends
    patience: int | None = None
    # steps between snapshots; epochs end with one where the last is 20 s old
    save_every: int = 200
    score_every: int = 1  # epochs between validations; the last epoch is always scored
    # ends the schedule early, with time for the last validation; weights then depend on the machine's speed
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        if self.image_size_px % 32:
            raise ValueError(
                f"image_size_px = {self.image_size_px}: the coarsest stride is 32, give a multiple of 32"
            )
        if self.lr <= 0:
            raise ValueError(f"lr = {self.lr}: give a rate above 0")
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise ValueError(
                f"zoom = {self.zoom}: give (low, high) with 0 < low <= high"
            )
        counts = (
            "epochs",
            "batch_size",
            "score_every",
            "accumulate",
            "save_every",
            "patience",
            "lr_batch",
        )
        for name in (*counts, "num_keypoints"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} = {value}: it is at least 1")
        self._require_net()
        for name in ("mixup_alpha", "cutmix_alpha"):
            alpha = getattr(self, name)
            if alpha < 0 or (alpha and self.task != RECOGNITION):
                raise ValueError(
                    f"{name} = {alpha} with task = {self.task!r}: 0 or more, and 0 but for recognition"
                )
        if self.crop_area is not None and self.task in PLACED:
            raise ValueError(
                f"crop_area = {self.crop_area} with task = {self.task!r}: labels would be lost, use zoom"
            )
        if (
            self.crop_area is not None
            and not 0 < self.crop_area[0] <= self.crop_area[1] <= 1
        ):
            raise ValueError(
                f"crop_area = {self.crop_area}: give (low, high) with 0 < low <= high <= 1"
            )
        if self.accumulate > self.batch_size:
            raise ValueError(
                f"accumulate = {self.accumulate} with batch_size = {self.batch_size}: parts of no image"
            )

    def _require_net(self) -> None:
        if self.net not in nets_for(self.task):
            raise ValueError(
                f"net = {self.net!r}: for {self.task}, give one of {', '.join(nets_for(self.task))}"
            )
        if not 0 <= self.frozen_stages <= count_stages(self.net):
            raise ValueError(
                f"frozen_stages = {self.frozen_stages}: {self.net} has {count_stages(self.net)}"
            )
        if self.weights not in _WEIGHTS and not self.weights.endswith(".safetensors"):
            raise ValueError(
                f"weights = {self.weights!r}: give one of {', '.join(_WEIGHTS)}, or a .safetensors file"
            )
        if self.weights == "packaged" and self.net != LITE0:
            raise ValueError(
                f"weights = 'packaged' with net = {self.net!r}: the package holds {LITE0}; give weights = "
                "hub, none or a .safetensors file"
            )
        if self.weights == "hub" and self.net == LITE0:
            raise ValueError(
                f"weights = 'hub' with net = {LITE0!r}: torchvision has none; give weights = packaged"
            )
        if self.frozen_stages and self.weights == "none":
            raise ValueError(
                f"frozen_stages = {self.frozen_stages} with weights = 'none' would freeze noise"
            )

    @property
    def peak_lr(self) -> float:
        """The linear scaling rule of Goyal et al., Accurate, Large Minibatch SGD (arXiv:1706.02677)."""
        return (
            self.lr
            if self.lr_batch is None
            else self.lr * self.batch_size / self.lr_batch
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The configuration that `dataclasses.asdict`, and JSON after it, made into a dict.

        Settings that came later have their defaults. Raises ValueError for one that is not known.
        """
        given: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list | tuple) else v
            for name, v in values.items()
        }
        # as configurations said it before there was `weights`
        if given.pop("is_pretrained", True) is False:
            given |= {"weights": "none", "frozen_stages": 0}
        unknown = sorted(given.keys() - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)}: this Daguerre has no such setting, a newer one may have written it"
            )
        return cls(**given)
