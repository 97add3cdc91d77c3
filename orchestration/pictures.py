"""Pictures of the newest materialisation that has any, in the description of its asset: where people look first.

Dagster's page shows pictures among the metadata only after a click, and those of a description at once. A description
is fixed, so it holds addresses, and what lies there is what was drawn last.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from models.known_tasks import all_task_names, dataset_of
from models.task_names import TASK_NAMES

_ROOT = "/pictures"
_ADDRESS = re.compile(_ROOT + r"/([a-z_]+)/([a-z_]+)/([0-9])")
_PICTURE = re.compile(r"data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=]+)")
# of an asset, in the order of its metadata; where it has fewer, the others are a blank pixel
_SHOWN = 3
_LOOKED_AT = 30  # materialisations, the newest first
_BLANK = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
Picture = tuple[str, bytes]  # media type and content


def show_pictures(made: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets, with addresses of pictures in the descriptions of those that have any."""
    drawn = {dg.AssetKey(list(key)) for key in _list_drawn()}

    def describe(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key not in drawn:
            return spec
        address = "/".join((_ROOT, *spec.key.path))
        images = " ".join(f"![]({address}/{n})" for n in range(_SHOWN))
        return spec.replace_attributes(description=f"{spec.description}\n\n{images}")

    return [assets.map_asset_specs(describe) for assets in made]


def _list_drawn() -> Iterator[tuple[str, str]]:
    yield from (("capture", noun) for noun in ("recordings", "frames", "scans"))
    yield ("monitoring", "drift")
    for task in all_task_names():
        yield ("training", task)
    for task in TASK_NAMES:
        yield ("curation", f"{dataset_of(task)}_dataset")
        yield ("evaluation", f"{task}_scores")


class Pictures:
    """Dagster's pages, and below /pictures what `find` has for (stage, noun, number)."""

    def __init__(
        self, app: ASGIApp, find: Callable[[str, str, int], Picture | None]
    ) -> None:
        self._app = app
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a picture, or hand on."""
        is_read = scope["type"] == "http" and scope["method"] == "GET"
        wanted = _ADDRESS.fullmatch(scope["path"]) if is_read else None
        if wanted is None:
            await self._app(scope, receive, send)
            return
        stage, noun, number = wanted.groups()
        found = await run_in_threadpool(self._find, stage, noun, int(number))
        media_type, content = found or ("image/svg+xml", _BLANK)
        answer = Response(content, media_type=media_type, headers=_HEADERS)
        await answer(scope, receive, send)


def find_picture(
    instance: dg.DagsterInstance, stage: str, noun: str, number: int
) -> Picture | None:
    """A picture of the newest materialisation of the asset that has any: a session may hold no frames. None where there
    is none among the newest, or this one has fewer."""
    records = instance.fetch_materializations(dg.AssetKey([stage, noun]), _LOOKED_AT)
    for record in records.records:
        made = record.asset_materialization
        texts = [str(value.value) for value in made.metadata.values()] if made else []
        found = [match for match in map(_PICTURE.search, texts) if match is not None]
        if found:
            if number >= len(found):
                return None
            return found[number][1], base64.b64decode(found[number][2])
    return None
