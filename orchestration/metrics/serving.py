"""What a server of `daguerre serve` tells Prometheus of itself, at its own /metrics."""

from collections.abc import Iterator

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from assets.serving.service import Service
from orchestration.metrics import families as f
from orchestration.metrics.exposition import CONTENT_TYPE, write_text
from orchestration.metrics.families import Sample

_QUANTILES = (0.5, 0.99)


def list_samples(service: Service) -> Iterator[Sample]:
    """The figures as they are now."""
    figures = service.figures
    for (task, status), count in figures.requests.items():
        yield f.SERVED.at(count, task, str(status))
    for key, count in figures.images.items():
        yield f.SERVED_IMAGES.at(count, *key)
    for task in figures.latencies:
        for share in _QUANTILES:
            yield f.SERVED_SECONDS.at(figures.quantile(task, share), task, str(share))
    if figures.batch_sizes:
        yield f.SERVED_BATCH.at(float(np.mean(figures.batch_sizes)))
    yield f.SERVED_WAITING.at(len(service.queue))
    yield f.REPLICAS_READY.at(service.replicas.num_ready)
    yield f.REPLICAS_LOST.at(service.replicas.num_lost)
    for task in {*service.lineups, *service.faults}:
        yield f.SERVED_FAULT.at(task in service.faults, task)
    yield f.CANARY_RETRIED.at(figures.retried)
    for task in {*service.lineups, *figures.returned}:
        # a first return is a rise only where 0 was told before
        yield f.CANARY_RETURNED.at(figures.returned[task], task)
    for version, found in figures.disagreements.items():
        yield f.DISAGREEMENT.at(float(np.mean(found)), version)
    yield f.SAMPLED.at(service.sampler.num_kept, "kept")
    yield f.SAMPLED.at(service.sampler.num_dropped, "dropped")


class ServingPage:
    """The handler of /metrics."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(self, _: Request) -> Response:
        """The text that a scrape gets."""
        return Response(
            write_text(list_samples(self._service)), media_type=CONTENT_TYPE
        )
