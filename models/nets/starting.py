"""Start a backbone from weights that were learnt before, and freeze its first stages."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from models.net_names import STAGE_STARTS, count_stages
from models.nets.backbone import (
    EfficientNetLite0,
    FeatureHead,
    freeze_stages,
    load_imagenet,
)
from models.recipes.config import TrainConfig

_COUNTER = "num_batches_tracked"  # of batch normalisation: says nothing about images
# of torchvision's files: another's classes
_CLASS_LAYERS = ("fc.", "classifier.2.", "classifier.3.")
_NUM_LISTED = 3
_HEAD = "features."  # what nets of ours call the layer behind the backbone


def start_backbone(
    backbone: nn.Module,
    config: TrainConfig,
    weights: Mapping[str, Tensor] | None,
    head: FeatureHead | None = None,
) -> None:
    """Load what the recipe starts from, and freeze what it freezes; `head` is left as it is where there is none.

    `weights` None leaves the backbone as it is. Raises ValueError for weights of another net.
    """
    lite0 = backbone if isinstance(backbone, EfficientNetLite0) else None
    if weights is not None:
        if lite0 is not None and config.weights == "packaged":
            load_imagenet(lite0, head, weights)
        else:
            load_backbone(backbone, weights)
            if head is not None and all(
                _HEAD + name in weights for name in head.state_dict()
            ):
                load_backbone(
                    head, {n: v for n, v in weights.items() if n.startswith(_HEAD)}
                )
    if lite0 is not None:
        freeze_stages(lite0, config.frozen_stages)
    elif config.frozen_stages:
        _freeze_children(backbone, config)


def load_backbone(backbone: nn.Module, source: Mapping[str, Tensor]) -> None:
    """Load `source` by name. In a file of a larger net (`backbone.` of a package, `features.`), only that part is read.

    Raises ValueError that lists missing, unexpected and mis-shaped tensors.
    """
    wanted = {
        n: v for n, v in backbone.state_dict().items() if not n.endswith(_COUNTER)
    }
    prefix = _find_prefix(wanted, source)
    given = {
        n.removeprefix(prefix): v
        for n, v in source.items()
        if n.startswith(prefix) and not n.endswith(_COUNTER)
    }
    shapes = {
        n: (tuple(given[n].shape), tuple(v.shape))
        for n, v in wanted.items()
        if n in given
    }
    faults = {
        "missing": [n for n in wanted if n not in given],
        "unexpected": [
            n for n in given if n not in wanted and not n.startswith(_CLASS_LAYERS)
        ],
        "mis-shaped": [
            f"{n} {found} for {needed}"
            for n, (found, needed) in shapes.items()
            if found != needed
        ],
    }
    if any(faults.values()):
        listed = "; ".join(
            f"{len(names)} {kind} ({', '.join(names[:_NUM_LISTED])}{', …' * (len(names) > _NUM_LISTED)})"
            for kind, names in faults.items()
            if names
        )
        raise ValueError(
            f"these weights do not fit the backbone: {listed}; give those of the same net"
        )
    backbone.load_state_dict({name: given[name] for name in wanted}, strict=False)


def _find_prefix(wanted: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> str:
    """What stands before the backbone's names in `source`: the prefix that leaves the fewest names missing."""
    first = next(iter(wanted))
    prefixes = {
        "",
        *(name.removesuffix(first) for name in source if name.endswith(first)),
    }
    return min(
        sorted(prefixes),
        key=lambda prefix: sum(prefix + name not in source for name in wanted),
    )


def _freeze_children(backbone: nn.Module, config: TrainConfig) -> None:
    """Of a torchvision backbone; frozen batch normalisations keep the statistics that they have."""
    from timm.utils import freeze

    blocks = getattr(backbone, "features", backbone)
    is_all = config.frozen_stages == count_stages(config.net)
    end = None if is_all else STAGE_STARTS[config.net][config.frozen_stages + 1]
    freeze(blocks, [name for name, _ in blocks.named_children()][:end])
