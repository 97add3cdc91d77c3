"""What a person has to say of a model's title, or has said: whether its promotion waits, who took it back."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from assets.tables.catalog import Catalog
from assets.tables.champions import find_taken_back, list_promotions
from assets.tables.rows import PromotionRow


@dataclass(frozen=True)
class Ruling:
    """Whether a person has to be asked before a model is champion; `taken_back` is the rollback that took it back."""

    name: str = ""  # task/version, as `daguerre approve` takes it
    is_needed: bool = False
    taken_back: PromotionRow | None = None
    approved_by: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nobody has to be asked any more."""
        return bool(self.approved_by) or not (self.is_needed or self.taken_back)

    @property
    def detail(self) -> str:
        """What was said, or what there is to do."""
        if self.approved_by:
            return f"approved by {self.approved_by}"
        ask = f"`daguerre approve {self.name} --because ...`"
        if self.taken_back:
            return f"{tell_act(self.taken_back)}: {ask} lets it be champion again"
        if self.is_needed:
            return f"promotions of this task wait for a person: {ask}"
        return "promotions of this task need none, and it was not taken back"


NOBODY_IS_ASKED = Ruling()


def read_ruling(
    catalog: Catalog, name: str, model_sha256: str, is_needed: bool
) -> Ruling:
    """Of the model that `name`, task/version, is."""
    task = name.partition("/")[0]
    taken_back = find_taken_back(list_promotions(catalog, task))
    return Ruling(name, is_needed, taken_back.get(model_sha256))


def tell_act(record: PromotionRow) -> str:
    """ "version 3 promoted by the gate on 2026-11-30 09:15 (every rule of the gate holds)"."""
    version = record["after_version"]
    what = f"version {version} {record['act']}"
    if record["act"] == "rolled back":
        what = f"version {record['before_version']} rolled back to {version}"
    return (
        f"{what} by {record['who']} on {tell_time(record['at_ns'])} ({record['why']})"
    )


def tell_time(t_ns: int) -> str:
    """Date and minute, UTC."""
    at = datetime.datetime.fromtimestamp(t_ns / 1e9, datetime.UTC)
    return f"{at:%Y-%m-%d %H:%M}"
