"""Is the key at hand that originals under a privacy policy are sealed by."""

from assets.privacy.keys import SETTING, SealKeys
from assets.privacy.needed import NeededKey, list_needed_keys
from assets.wording import many
from orchestration.health.finding import Finding
from orchestration.profiles import Settings
from orchestration.resources import build_catalog


def try_seal_keys(settings: Settings) -> list[Finding]:
    """One finding for each key that something is sealed under: none where nothing is."""
    keys = SealKeys(settings.home, settings.seal_key)
    found = list_needed_keys(build_catalog(settings), keys)
    return [_report(key, str(keys.path)) for key in found]


def _report(key: NeededKey, expected: str) -> Finding:
    originals = many(key.num_originals, "original")
    if not key.fault:
        return Finding("seal key", key.place, (f"open {originals}",))
    lacks = f"{originals} {key.fault}"
    remedy = f"put the key back, which no backup holds, or give it as {SETTING}"
    return Finding("seal key", expected, (), lacks, remedy)
