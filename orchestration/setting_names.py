"""Names of settings in the environment, and which are none: a setting with a typing error would do nothing, silently.

Belongs here: names. Does not: what a setting says (`profiles.py`).
"""

from collections.abc import Mapping
from difflib import get_close_matches

_PREFIX = "DAGUERRE_"
_OF_DEVELOPERS = ("DAGUERRE_TEST_", "DAGUERRE_BENCH_")
# fmt: off
_STEMS = (
    "ALARM_WEBHOOK", "APPROVE", "ASK_ADDRESS", "ASK_CALLS", "ASK_GGUF", "ASK_KEY", "ASK_MODEL", "ASK_SECONDS",
    "ASK_TOKENS", "ASK_TOKENS_A_DAY", "BLOBS", "CACHE_GIB", "CLIP", "DAGSTER", "DEVICE_HOUR_PRICE", "ENCODER", "HOME",
    "KEEP_DAYS", "LABELS_A_DAY", "LANDING", "LEDGER", "LOG", "MLFLOW", "MLFLOW_ARTIFACTS", "PARTIAL_WAIT_S",
    "PIXEL_CACHE_GIB", "POLICY", "PROFILE", "RAY", "S3_ENDPOINT", "SEAL_KEY", "SPILL", "STEREO_NET", "TABLES", "TASKS",
    "TRACEBACK", "TRAINING_COOLDOWN_S", "UI_HOST", "UI_ORIGINS", "UI_TOKEN_FILE", "UMASK", "WORKERS",
)
# fmt: on
SETTING_NAMES = tuple(_PREFIX + stem for stem in _STEMS)


def explain_unknown(environ: Mapping[str, str]) -> list[str]:
    """A line for each variable that looks like a setting and is none, with the one that may be meant."""
    return [
        _explain(name)
        for name in sorted(environ)
        if name.startswith(_PREFIX)
        and name not in SETTING_NAMES
        and not name.startswith(_OF_DEVELOPERS)
    ]


def _explain(name: str) -> str:
    near = get_close_matches(name.removeprefix(_PREFIX), _STEMS, 1)
    meant = (
        f"did you mean {_PREFIX}{near[0]}?"
        if near
        else "docs/how-to/operate.md lists them"
    )
    return f"{name} is no setting, and does nothing: {meant}"
