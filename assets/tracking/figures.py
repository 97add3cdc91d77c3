"""The figures that tables of trackers have, by name."""

from __future__ import annotations

from models.metrics.clear_mot import measure_clear
from models.metrics.hota import measure_hota
from models.metrics.identity import measure_identity
from models.metrics.track_pairs import TrackedBoxes, pair_tracks


def measure_tracks(truth: TrackedBoxes, found: TrackedBoxes) -> dict[str, float]:
    """How good tracks are by their truth: shares of 1, and counts, which are whole."""
    pairs = pair_tracks(truth, found)
    hota, clear = measure_hota(pairs), measure_clear(pairs)
    identity = measure_identity(pairs)
    return {
        "hota": hota.hota,
        "deta": hota.deta,
        "assa": hota.assa,
        "loca": hota.loca,
        "mota": clear.mota,
        "motp": clear.motp,
        "idf1": identity.idf1,
        "recall": clear.recall,
        "precision": clear.precision,
        "switches": clear.switches,
        "fragments": clear.fragments,
        "false_alarms": clear.false_alarms,
        "misses": clear.misses,
        "mostly_tracked": clear.mostly_tracked,
        "mostly_lost": clear.mostly_lost,
        "true_tracks": len(pairs.truth_counts),
        "true_boxes": pairs.num_truth_boxes,
    }
