"""The gates of monitoring: what champions predict on a session, whether it has drifted, and whether requests have."""

from __future__ import annotations

from checks.drift import DRIFT_RULES
from checks.gate import Gate, no_colour_frames
from checks.predictions import PREDICTION_RULES
from checks.request_windows import WINDOW_RULES, nothing_is_over

GATES = (
    Gate("predictions", PREDICTION_RULES, no_colour_frames),
    Gate("drift", DRIFT_RULES, no_colour_frames),
    Gate("answer_drift", has_readers=False),
    Gate("estimates", has_readers=False),
    Gate("request_windows", WINDOW_RULES, nothing_is_over, has_readers=False),
    Gate("request_drift", may_be_empty=nothing_is_over, has_readers=False),
    Gate("feed_sightings", has_readers=False),
    Gate("alarms", has_readers=False),
    Gate("retraining_requests", has_readers=False),
)
WHOLE_ASSETS = {"request_drift": ("request_windows", "request_drift")}
SESSION_ASSETS = {"predictions": ("predictions",), "drift": ("drift",)}
