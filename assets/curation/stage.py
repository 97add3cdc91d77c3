"""Curation: figures and vectors of frames, copies found, splits made, and one immutable dataset a task."""

from assets.stages import Maker, SessionStep, Stage
from assets.tables.schemas import curation

STAGE = Stage(
    name="curation",
    after=curation.AFTER,
    tables=curation.TABLES,
    assets="assets.curation.defs",
    gates="checks.curation",
    session_steps=(
        SessionStep(
            keys=(("curation", "frame_quality"),),
            after=(("capture", "frames"), ("capture", "anonymised_frames")),
            make="assets.curation.session:measure_frames",
            find_due="assets.curation.session:find_unmeasured",
            doing="measuring",
            unit="frames",
        ),
        SessionStep(
            keys=(("curation", "frame_embeddings"),),
            after=(("capture", "frames"), ("capture", "anonymised_frames")),
            make="assets.curation.session:embed_frames",
            find_due="assets.curation.session:find_unembedded",
            doing="embedding",
            unit="frames",
        ),
    ),
    task_assets=("unique_frames", "splits", "{dataset}_dataset"),
    makers=(
        Maker(
            "frame_quality",
            "frame_quality",
            (
                "models.image_quality:measure_quality",
                "assets.images:decode_working_luma",
            ),
        ),
        Maker(
            "frame_embeddings",
            "frame_embeddings",
            ("assets.inference.embed:Embedder", "assets.images:decode_rgb"),
        ),
        Maker("unique_frames", "unique_frames", ("assets.curation.clusters:_cluster",)),
        Maker("releases", "releases", ("assets.curation.release:draft_release",)),
    ),
)
