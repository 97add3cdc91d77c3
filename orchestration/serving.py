"""`daguerre serve`: one server with its replicas, behind the gate, on loopback.

Belongs here: what a server is made of, its start and its end. Does not: what it answers, and who may come in.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.responses import Response

from assets.locks import share, taking
from assets.serving.app import make_app, refuse_entry
from assets.serving.following import Follower, begin, follow, require_any
from assets.serving.queue import BatchRules, ImageQueue
from assets.serving.replicas import Replicas
from assets.serving.sampling import Sampler, SamplingRules
from assets.serving.service import Service, ServiceRules
from assets.serving.versions import CanaryRules
from models.task_names import TASK_NAMES
from orchestration.gate import ASK_FOR_TOKEN, Gate, Refusal, read_token, renew_token
from orchestration.log_lines import tell
from orchestration.metrics.serving import ServingPage
from orchestration.ports import list_origins, require_free
from orchestration.profiles import LOOPBACK, Settings
from orchestration.roles.book import RoleBook
from orchestration.roles.keys import Keys
from orchestration.roles.rights import Person

if TYPE_CHECKING:
    from assets.serving.sources import Sources


@dataclass(frozen=True)
class ServeOptions:
    """What a person chose. `num_replicas` None: one a core, and two at least."""

    port: int
    num_replicas: int | None = None
    canary_share: float = 0.1
    shadow: str | None = None
    shadow_share: float = 0.1
    sample_rate: float = 0.05
    keep_days: int = 30
    budget_s: float = 10.0
    most_images: int = 4

    @property
    def count_replicas(self) -> int:
        """How many replicas there are: with one alone nothing would answer while it is started again."""
        return self.num_replicas or max(2, len(os.sched_getaffinity(0)))


def serve(settings: Settings, options: ServeOptions) -> None:
    """Answer until a signal. Raises ValueError for a port that is taken, and where no task can be answered."""
    require_free({"--port": options.port}, settings.ui_host)
    asyncio.run(_serve(settings, options))


async def _serve(settings: Settings, options: ServeOptions) -> None:
    service = build_service(settings, options)
    champions = Follower("orchestration.serving_follower", _find_log(settings))
    rules = CanaryRules(options.canary_share)
    try:
        await service.replicas.start()
        shadow = None
        if options.shadow:
            shadow = await champions.open_shadow(options.shadow)
        await begin(service, champions.look, rules, shadow, options.shadow_share)
        require_any(service, TASK_NAMES)
        await service.sampler.start()
        following = asyncio.create_task(follow(service, champions.look, rules))
        await _answer(settings, options, service)
        following.cancel()
    finally:
        await service.close()
        await champions.close()


def build_service(settings: Settings, options: ServeOptions) -> Service:
    """The service of a home, not started."""
    queue = ImageQueue(BatchRules(options.most_images))
    sampling = SamplingRules(
        options.sample_rate,
        options.keep_days,
        settings.workspace.cache,
        settings.workspace.encoder,
    )
    log = _find_log(settings)
    stores = {
        "tables_uri": settings.tables_uri,
        "table_options": settings.table_options,
        "blobs_uri": settings.blobs_uri,
    }
    return Service(
        queue,
        Replicas(queue, options.count_replicas, 1, log),
        Sampler(stores, sampling, log),
        ServiceRules(options.budget_s),
    )


def _find_log(settings: Settings) -> Path:
    """What the processes of a server say."""
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True)
    return logs / "serving.log"


def _open_sources(settings: Settings, most_bytes: int) -> "Sources":
    from assets.serving.sources import Sources
    from orchestration.resources import build_catalog

    return Sources(
        build_catalog(settings),
        settings.landing_uri,
        settings.blobs_uri,
        settings.file_options,
        most_bytes,
    )


async def _answer(settings: Settings, options: ServeOptions, service: Service) -> None:
    """The server of the service, until a signal; what it has begun to answer it answers."""
    with _hold_token(settings) as token_file:
        await _answer_behind(token_file, settings, options, service)


async def _answer_behind(
    token_file: Path, settings: Settings, options: ServeOptions, service: Service
) -> None:
    open_sources = partial(_open_sources, settings, service.rules.most_bytes)
    app = make_app(service, open_sources, {"/metrics": ServingPage(service).answer})
    origins = list_origins(str(options.port), settings)
    keys = Keys(
        read_token(token_file), Person(getuser()), RoleBook(settings.roles_file)
    )
    gate = Gate(
        app, origins, keys, "daguerre_serve", ASK_FOR_TOKEN, _tell_who_may_not_ask
    )
    config = uvicorn.Config(
        gate,
        host=settings.ui_host,
        port=options.port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=int(options.budget_s) + 1,
    )
    address = f"http://{LOOPBACK}:{options.port}"
    for task in sorted(service.lineups):
        tell(f"{address}/v1/{task}: {service.lineups[task].champion.name}")
    tell(f"the token is in {token_file}; {address}/openapi.json says what is asked")
    # the server hands a signal on when it has ended: what it answered is to be kept then
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    await uvicorn.Server(config).serve()


def _tell_who_may_not_ask(refusal: Refusal) -> Response:
    remedy = "ask this machine, with the token that the server named at its start"
    return refuse_entry(refusal.status, refusal.reason, remedy)


@contextmanager
def _hold_token(settings: Settings) -> Iterator[Path]:
    """The file of the token: a new one, but where another server of this home answers to the one that is there."""
    path = settings.serve_token
    if settings.ui_token_file is not None:
        yield path
        return
    with taking(path) as is_free:
        if is_free or not path.exists():
            renew_token(path)
    with path.open() as held:
        share(held)
        yield path
