"""Evaluation: models examined on their test split, with their scores by slice."""

from assets.stages import Maker, Stage
from assets.tables.schemas import evaluation

STAGE = Stage(
    name="evaluation",
    after=evaluation.AFTER,
    tables=evaluation.TABLES,
    assets="assets.evaluation.defs",
    gates="checks.evaluation",
    task_assets=("{task}_scores",),
    # figures, and not what calls them: the kinds of labels that do also draw, and a chart makes no other scores
    makers=(
        Maker(
            "scores",
            "scores",
            (
                *(
                    f"models.metrics.frame_parts:{parts}"
                    for parts in ("BoxParts", "ClassParts", "MapParts")
                ),
                "models.metrics.detection:score_detections",
                "models.metrics.segmentation:score_segmentation",
                "models.metrics.classification:score_classification",
                "models.metrics.matching:choose_operating_point",
                "models.metrics.instances:score_instances",
                "models.metrics.keypoints:score_poses",
                "models.metrics.multilabel:mean_average_precision",
                "models.metrics.multilabel:micro_f1",
                "models.metrics.features:share_found_again",
                "models.metrics.features:knn_accuracy",
                "models.metrics.features:linear_accuracy",
                "models.metrics.regions:find_regions",
                "models.metrics.resampling:find_interval",
                "models.corruptions:corrupt",
                "models.object_distance:measure_distance",
                "assets.evaluation.slices:score_objects",
            ),
        ),
    ),
)
