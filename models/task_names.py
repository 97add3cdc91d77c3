"""The tasks there are, by name alone: for code that must not load torch to list them."""

from __future__ import annotations

RECOGNITION = "recognition"
DETECTION = "detection"
SEGMENTATION = "segmentation"
MULTILABEL = "multilabel"
PRETRAINING = "pretraining"
INSTANCES = "instances"
KEYPOINTS = "keypoints"
# answers about an image: predicted, reported, monitored
TASK_NAMES = (RECOGNITION, DETECTION, SEGMENTATION)
# what a release can be for
DATASET_NAMES = (*TASK_NAMES, MULTILABEL, PRETRAINING, INSTANCES, KEYPOINTS)
# a part of an image may lack what a label names
PLACED = (DETECTION, SEGMENTATION, MULTILABEL, INSTANCES, KEYPOINTS)
ADDED_TASKS = "DAGUERRE_TASKS"  # the environment variable that names the files of a user's own tasks
