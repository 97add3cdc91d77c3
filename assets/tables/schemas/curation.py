"""Tables of curation: figures and vectors of frames, copies, splits, and the releases made of them."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    BOOL,
    DAY,
    DERIVED,
    FLOAT,
    FLOATS,
    INT,
    SESSION,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)
from models.task_names import DATASET_NAMES

AFTER: tuple[str, ...] = ("capture", "annotation")
EMBEDDING_DIM = 1280  # EfficientNet-Lite0, pooled features

FRAME_QUALITY = Table(
    name="frame_quality",
    stage="curation",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        SESSION,
        Column("brightness", FLOAT, "1 (0 black, 1 white)", low=0, high=1),
        Column("contrast", FLOAT, "1 (standard deviation of luma)", low=0, high=1),
        Column("sharpness", FLOAT, "1 (variance of the Laplacian of luma)", low=0),
        Column(
            "crispness",
            FLOAT,
            "1 (second over first differences of luma, squared, along the direction where that is least); null in "
            "rows from before it was measured",
            nullable=True,
            low=0,
            high=4,
        ),
        Column("clipped_dark", FLOAT, "share of pixels", low=0, high=1),
        Column("clipped_bright", FLOAT, "share of pixels", low=0, high=1),
        Column(
            "noise",
            FLOAT,
            "1 (robust deviation of the luma's second difference)",
            low=0,
        ),
        Column("perceptual_hash", TEXT, "64-bit hex", regex=r"^[0-9a-f]{16}$"),
        *DERIVED,
    ),
    version=2,
)

FRAME_EMBEDDINGS = Table(
    name="frame_embeddings",
    stage="curation",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        SESSION,
        Column(
            "vector",
            pa.list_(pa.float32(), EMBEDDING_DIM),
            "1 (unit length)",
            privacy="personal",
        ),
        *DERIVED,
    ),
)

UNIQUE_FRAMES = Table(
    name="unique_frames",
    stage="curation",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        SESSION,
        id_column("duplicate_of", nullable=True),
        id_column("cluster_id"),
        Column("similarity", FLOAT, "cosine", nullable=True, low=-1.001, high=1.001),
        *DERIVED,
    ),
)

SPLITS = Table(
    name="splits",
    stage="curation",
    key="frame_id",
    erase="frame_id",
    columns=(
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        id_column("group_id"),
        Column("split", TEXT, values=("train", "val", "test")),
        Column("rule", TEXT, values=("producer", "recording", "cluster")),
    ),
)

RELEASES = Table(
    name="releases",
    stage="curation",
    key="release_id",
    erase="none",
    columns=(
        id_column("release_id"),
        Column("task", TEXT, values=DATASET_NAMES),
        Column("class_names", pa.list_(TEXT)),
        Column("num_frames", INT, "1 (0: all were erased)", low=0),
        Column("num_labels", INT, low=0),
        Column("content_sha256", TEXT, regex=SHA),
        Column("frames_version", INT, low=1),
        Column("code_version", TEXT),
        Column("sessions", pa.list_(TEXT)),
        Column(
            "choice",
            TEXT,
            "JSON: sessions, where, classes; null where everything was taken",
            nullable=True,
        ),
        Column(
            "weaknesses",
            pa.list_(TEXT),
            "what the test part cannot tell; null in releases from before it was looked for",
            nullable=True,
        ),
        # its frames are those that were left, and `content_sha256` is of these
        id_column("erasure_id", nullable=True),
    ),
    version=4,
)

RELEASE_FRAMES = Table(
    name="release_frames",
    stage="curation",
    key="row_id",
    erase="frame_id",
    columns=(
        id_column("row_id"),
        id_column("release_id"),
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("sensor", TEXT),
        Column("split", TEXT, values=("train", "val", "test")),
        Column("sha256", TEXT, regex=SHA),
        Column(
            "class_id",
            INT,
            "index into class_names; null but for recognition and, where known, pretraining",
            nullable=True,
            low=0,
        ),
        Column("boxes_xyxy", FLOATS, "px, four a box", "image"),
        Column(
            "box_class_ids",
            pa.list_(INT),
            "one a box; multilabel: one a class that shows, without boxes",
        ),
        Column(
            "mask_rles",
            pa.list_(TEXT),
            "COCO RLE; segmentation: one a class, pixels in none are unlabelled; instances: one a box",
            "image",
            nullable=True,
        ),
        Column(
            "mask_class_ids",
            pa.list_(INT),
            "one a mask; segmentation only",
            nullable=True,
        ),
        Column(
            "mask_size_px",
            pa.list_(INT),
            "px, height and width",
            "image",
            nullable=True,
        ),
        Column(
            "keypoints",
            pa.list_(TEXT),
            "px, `x y visibility` of each point; keypoints only: one a box",
            "image",
            nullable=True,
        ),
    ),
    version=2,
)

# of what a release takes from label files nothing stands here
RELEASE_LABELS = Table(
    name="release_labels",
    stage="curation",
    key="row_id",
    erase="frame_id",
    columns=(
        id_column("row_id"),
        id_column("release_id"),
        id_column("frame_id"),
        SESSION,
        id_column("version_id"),
    ),
)

# under which terms the frames of a release are, as they were judged when it was made last
RELEASE_TERMS = Table(
    name="release_terms",
    stage="curation",
    key="row_id",
    erase="session",
    columns=(
        id_column("row_id"),
        id_column("release_id"),
        SESSION,
        Column("path", TEXT, "1; as in `consents`", "session"),
        Column("num_frames", INT, low=1),
        id_column("consent_id", nullable=True),
        Column("licence", TEXT, "1; SPDX expression", nullable=True),
        Column("purposes", pa.list_(TEXT), nullable=True),
        Column("until_day", TEXT, "the last day", "UTC", nullable=True, regex=DAY),
        Column("objection", TEXT, "1; null: nothing stands against it", nullable=True),
        Column("is_refused", BOOL),
        Column("policy", TEXT, "JSON: what it was held against"),
    ),
)

TABLES = (
    FRAME_QUALITY,
    FRAME_EMBEDDINGS,
    UNIQUE_FRAMES,
    SPLITS,
    RELEASES,
    RELEASE_FRAMES,
    RELEASE_LABELS,
    RELEASE_TERMS,
)
