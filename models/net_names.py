"""The nets there are, by name alone: for code that must not load torch to list them."""

from __future__ import annotations

from models.task_names import DETECTION, INSTANCES, MULTILABEL, PRETRAINING, RECOGNITION

# our own: EfficientNet-Lite0 and light heads; all others are torchvision's
LITE0 = "lite0"
_CLASSIFIERS = (LITE0, "resnet18", "resnet50", "mobilenet_v3_large", "convnext_tiny")
NETS: dict[str, tuple[str, ...]] = {
    RECOGNITION: _CLASSIFIERS,
    MULTILABEL: _CLASSIFIERS,
    PRETRAINING: _CLASSIFIERS,
    DETECTION: (
        LITE0,
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        "fasterrcnn_resnet50_fpn_v2",
        "retinanet_resnet50_fpn_v2",
    ),
    INSTANCES: (LITE0, "maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"),
}

_RESNET = (0, 4, 5, 6, 7)
_MOBILENET = (0, 1, 2, 4, 7, 13)
STAGE_STARTS: dict[
    str, tuple[int, ...]
] = {  # the children of the backbone at which stem, stage 1, stage 2, ... begin
    LITE0: (0, 1, 2, 3, 4, 5, 6, 7),
    "resnet18": _RESNET,
    "resnet50": _RESNET,
    "mobilenet_v3_large": _MOBILENET,
    "convnext_tiny": (0, 1, 2, 4, 6),
    "fasterrcnn_mobilenet_v3_large_320_fpn": _MOBILENET,
    "fasterrcnn_resnet50_fpn_v2": _RESNET,
    "retinanet_resnet50_fpn_v2": _RESNET,
    "maskrcnn_resnet50_fpn": _RESNET,
    "maskrcnn_resnet50_fpn_v2": _RESNET,
}


def nets_for(task: str) -> tuple[str, ...]:
    """What `net` can be; a task that is not listed builds one net."""
    return NETS.get(task, (LITE0,))


def count_stages(net: str) -> int:
    """How many stages the backbone has after its stem."""
    return len(STAGE_STARTS[net]) - 1
