"""Monitoring: what champions say about new sessions, and whether these look like what they learnt from."""

from assets.stages import Maker, Stage
from assets.tables.schemas import monitoring

STAGE = Stage(
    name="monitoring",
    after=monitoring.AFTER,
    tables=monitoring.TABLES,
    assets="assets.monitoring.defs",
    gates="checks.monitoring",
    makers=(
        Maker(
            "predictions",
            "predictions",
            (
                "assets.inference.predict:_read",
                "assets.inference.predict:_to_row",
                "assets.inference.package:load_predictor",
            ),
        ),
        Maker(
            "drift",
            "drift",
            ("assets.monitoring.drift:assess_session", "assets.monitoring.drift:mark"),
        ),
    ),
)
