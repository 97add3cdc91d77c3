"""`daguerre serve`: one server with its replicas, behind the gate, on loopback.

Belongs here: what a server is made of, its start and its end. Does not: what it answers, and who may come in.
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from assets.serving.app import make_app
from assets.serving.champions import (
    Champions,
    RegistryLook,
    begin,
    follow,
    require_any,
)
from assets.serving.queue import BatchRules, ImageQueue
from assets.serving.replicas import Replicas
from assets.serving.sampling import Sampler, SamplingRules
from assets.serving.service import Service, ServiceRules
from assets.serving.sources import Sources
from assets.serving.versions import CanaryRules
from assets.tables.rows import ChampionRow
from models.task_names import TASK_NAMES
from orchestration.gate import ASK_FOR_TOKEN, Gate, read_token, renew_token
from orchestration.gated import list_origins
from orchestration.log_lines import tell
from orchestration.metrics.serving import ServingPage
from orchestration.profiles import LOOPBACK, Settings
from orchestration.resources import build_catalog, build_tracker
from orchestration.ui import require_free


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
    champions = build_champions(settings)
    rules = CanaryRules(options.canary_share)
    try:
        await service.replicas.start()
        shadow = champions.open_shadow(options.shadow) if options.shadow else None
        await begin(service, champions, rules, shadow, options.shadow_share)
        require_any(service, TASK_NAMES)
        await service.sampler.start()
        following = asyncio.create_task(follow(service, champions, rules))
        await _answer(settings, options, service)
        following.cancel()
    finally:
        await service.close()


def build_service(settings: Settings, options: ServeOptions) -> Service:
    """The service of a home, not started."""
    queue = ImageQueue(BatchRules(options.most_images))
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True)
    sampling = SamplingRules(
        options.sample_rate,
        options.keep_days,
        settings.workspace.cache,
        settings.workspace.encoder,
    )
    log = logs / "serving.log"
    return Service(
        queue,
        Replicas(queue, options.count_replicas, 1, log),
        Sampler(build_catalog(settings), sampling, log),
        ServiceRules(options.budget_s),
    )


def build_champions(settings: Settings) -> Champions:
    """The champions of a home, as its table and its registry say."""
    return Champions(
        build_catalog(settings), settings.home, look_into_registry(settings)
    )


def look_into_registry(settings: Settings) -> RegistryLook:
    """What MLflow says. A store behind a server is not looked into for what is gone."""
    tracker = build_tracker(settings)
    reader = tracker.reader

    def find_fault(row: ChampionRow) -> str | None:
        if not reader.is_readable:
            return None
        model = row["task"], row["model_version"]
        known = {(v.task, v.version): v.tags.get("model_sha256") for v in reader.versions()}  # fmt: skip
        if known.get(model) == row["model_sha256"]:
            return None
        return (
            f"champion {row['model_name']} v{row['model_version']} is not in MLflow any more: restore MLflow's store "
            f"from a backup, or let another be champion with `daguerre train {row['task']}`"
        )

    def find_version(task: str, model_sha256: str) -> int | None:
        if not reader.is_readable and not tracker.is_there():
            return None
        found = [
            (v.tags.get("model_sha256"), v.version)
            for v in (reader.versions() if reader.is_readable else tracker.versions(task))
            if v.task == task
        ]  # fmt: skip
        return max((n for sha256, n in found if sha256 == model_sha256), default=None)

    return RegistryLook(find_fault, find_version)


async def _answer(settings: Settings, options: ServeOptions, service: Service) -> None:
    """The server of the service, until a signal; what it has begun to answer it answers."""
    sources = Sources(
        service.sampler.catalog,
        settings.landing_uri,
        settings.blobs_uri,
        settings.file_options,
        service.rules.most_bytes,
    )
    app = make_app(service, sources, {"/metrics": ServingPage(service).answer})
    token_file = _prepare_token(settings)
    origins = list_origins(str(options.port), settings)
    gate = Gate(app, origins, read_token(token_file), "daguerre_serve", ASK_FOR_TOKEN)
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


def _prepare_token(settings: Settings) -> Path:
    if settings.ui_token_file is None:
        renew_token(settings.serve_token)
    return settings.serve_token
