"""The gates of monitoring: what champions predict on a session, and whether the session has drifted."""

from __future__ import annotations

from checks.drift import DRIFT_RULES
from checks.gate import Gate, no_colour_frames
from checks.predictions import PREDICTION_RULES

GATES = (
    Gate("predictions", PREDICTION_RULES, no_colour_frames),
    Gate("drift", DRIFT_RULES, no_colour_frames),
    Gate("answer_drift", has_readers=False),
    Gate("estimates", has_readers=False),
    Gate("alarms", has_readers=False),
    Gate("retraining_requests", has_readers=False),
)
SESSION_ASSETS = {"predictions": ("predictions",), "drift": ("drift",)}
