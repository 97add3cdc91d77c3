"""Two models on one exam, with the slices that the home declares: for the verb, the browser, the tools and the report.

Belongs here: reading those slices, and who has not sat the exam. Does not: which two are meant, or how they are told.
"""

from pathlib import Path

from assets.comparison.models import Comparison, compare_models
from assets.comparison.pair import Pair
from assets.evaluation.slices import cut_frames, read_rules
from assets.tables.catalog import Catalog


def compare_pair(catalog: Catalog, home: Path, pair: Pair) -> Comparison:
    """The second less the first. Raises ValueError where one of them has not sat the exam."""
    if pair.lacking:
        names = " and ".join(model["model_sha256"][:16] for model in pair.lacking)
        raise ValueError(
            f"model {names} has no exam with scores of frames on release {pair.release_id[:16]}: "
            "`daguerre compare FIRST SECOND --score` lets it sit that one"
        )
    ids = (pair.first["model_sha256"], pair.second["model_sha256"])
    found = compare_on(catalog, home, *ids, pair.release_id)
    assert found is not None, "both sat the exam"
    return found


def compare_on(
    catalog: Catalog,
    home: Path,
    first_sha256: str,
    second_sha256: str,
    release_id: str,
) -> Comparison | None:
    """The second less the first on the exam of a release; None where one of them stored no frames of it."""
    rules = read_rules(home)
    return compare_models(
        catalog,
        first_sha256,
        second_sha256,
        release_id,
        lambda frame_ids: cut_frames(catalog, rules, frame_ids),
    )
