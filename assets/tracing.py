"""Traces of OpenTelemetry: spans of what goes on, sent where its standard variables say; off unless they say so.

Off, nothing of it is imported and a span costs a look at the environment. What cannot be sent fails no work. The trace
of a run of Dagster has the run's id, so whoever knows the one finds the other. Between processes goes one text, the
`traceparent` of W3C Trace Context.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Any
from uuid import UUID

from assets.addresses import hide

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_EXPORTER = "OTEL_TRACES_EXPORTER"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_CONSOLE = "console"
# by OpenTelemetry's name of the protocol: the entry point of what speaks it
_SPEAKERS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_FLUSH_MS = 5_000
_log = logging.getLogger("daguerre.tracing")
# of the trace that begins here; 0: a random one
_wanted: ContextVar[int] = ContextVar("trace", default=0)
Fact = str | bool | int | float


class Span:
    """One that is open, for who has to say that it failed without an exception. Off, it does nothing."""

    def __init__(self, made: Any = None) -> None:
        self._made = made

    def fail(self, reason: str) -> None:
        """Mark it as failed, with the reason and without its passwords."""
        if self._made is not None:
            from opentelemetry.trace import Status, StatusCode

            self._made.set_status(Status(StatusCode.ERROR, hide(reason)))


def is_on() -> bool:
    """Whether the environment asks for traces: an exporter by name, or an address for OTLP."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    named = os.environ.get(_EXPORTER, "").strip()
    if named:
        return named != "none"
    return any(os.environ.get(name) for name in _ENDPOINTS)


def require_exporter() -> None:
    """Raise ValueError, with the remedy, where traces are asked for and cannot be sent."""
    if is_on():
        _provider()


@contextmanager
def span(name: str, **facts: Fact) -> Iterator[Span]:
    """A span within the one that is open here; without one it begins a trace. An exception marks it as failed."""
    tracer = _find_tracer()
    if tracer is None:
        yield Span()
        return
    with tracer.start_as_current_span(
        name,
        attributes=_name_facts(facts),
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        opened = Span(made)
        try:
            yield opened
        except BaseException as error:
            opened.fail(f"{type(error).__name__}: {error}")
            raise


@contextmanager
def run_span(run_id: str, name: str, **facts: Fact) -> Iterator[Span]:
    """The span of a whole run of Dagster, which begins the trace with the run's id. What is left is sent at its end."""
    if not is_on():
        yield Span()
        return
    from opentelemetry import context

    token = context.attach(context.Context())
    wanted = _wanted.set(UUID(run_id).int)
    try:
        with span(name, run_id=run_id, **facts) as opened:
            yield opened
    finally:
        _wanted.reset(wanted)
        context.detach(token)
        flush()


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Within the context spans belong to the one that `traceparent` names, which another process has open."""
    if not traceparent or not is_on():
        yield
        return
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import (
        TraceContextTextMapPropagator,
    )

    carrier = {"traceparent": traceparent}
    token = context.attach(TraceContextTextMapPropagator().extract(carrier))
    try:
        yield
    finally:
        context.detach(token)
        flush()


def record(name: str, start_ns: int, end_ns: int, **facts: Fact) -> None:
    """A span that is over, within the one that is open here; nanoseconds since 1970."""
    tracer = _find_tracer()
    if tracer is not None:
        made = tracer.start_span(
            name, attributes=_name_facts(facts), start_time=start_ns
        )
        made.end(end_ns)


def traceparent() -> str | None:
    """The text that lets another process go on here; None where no span is open."""
    if not is_on():
        return None
    from opentelemetry.trace.propagation.tracecontext import (
        TraceContextTextMapPropagator,
    )

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """Of the span that is open here, 32 hex digits; None where there is none."""
    parent = traceparent()
    return parent.split("-")[1] if parent else None


def flush() -> None:
    """Send what has ended: who calls may be killed next."""
    if is_on() and (provider := _find_provider()) is not None:
        provider.force_flush(_FLUSH_MS)


def _name_facts(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {
        f"daguerre.{name}": hide(value) if isinstance(value, str) else value
        for name, value in facts.items()
        if value != ""
    }


def _find_tracer() -> Any:
    if not is_on():
        return None
    provider = _find_provider()
    return None if provider is None else provider.get_tracer("daguerre")


@lru_cache(1)
def _find_provider() -> TracerProvider | None:
    """None where nothing can be sent from here, which is told once and ends no work."""
    try:
        return _provider()
    except ValueError as error:
        _log.warning(f"no traces are sent: {error}")
        return None


@lru_cache(1)
def _provider() -> TracerProvider:
    """What sends the spans of this process, until it ends. Raises ValueError where nothing can."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class RunIds(RandomIdGenerator):
        """Lets the trace of a run have the run's id."""

        def generate_trace_id(self) -> int:
            return _wanted.get() or super().generate_trace_id()

    exporters = [_make_exporter(name) for name in _list_exporters()]
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "daguerre"}))
    provider = TracerProvider(resource=resource, id_generator=RunIds())
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _list_exporters() -> list[str]:
    named = os.environ.get(_EXPORTER, "").strip() or "otlp"
    return [name.strip() for name in named.split(",")]


def _make_exporter(name: str) -> SpanExporter:
    if name == _CONSOLE:
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        # stdout is for results
        return ConsoleSpanExporter(
            out=sys.stderr, formatter=lambda made: f"{made.to_json(indent=None)}\n"
        )
    wanted = _name_speaker() if name == "otlp" else name
    group = "opentelemetry_traces_exporter"
    package = f"opentelemetry-exporter-{wanted.replace('_', '-')}"
    if name == "otlp":  # which is pinned to the SDK
        package += f"=={version('opentelemetry-sdk')}"
    remedy = f"`pip install {package}`, or set {_EXPORTER} to {_CONSOLE} or none"
    for point in entry_points(group=group, name=wanted):
        try:
            exporter: SpanExporter = point.load()()
        except ImportError as error:
            raise ValueError(
                f"{_EXPORTER}={name}: what exports traces so lacks a part ({error}): {remedy}"
            ) from error
        return exporter
    raise ValueError(f"{_EXPORTER}={name}: nothing here exports traces so: {remedy}")


def _name_speaker() -> str:
    given = (os.environ.get(name) for name in _PROTOCOLS)
    protocol = next(filter(None, given), "http/protobuf")
    if protocol not in _SPEAKERS:
        raise ValueError(
            f"{_PROTOCOLS[1]}={protocol!r} is not spoken: use {' or '.join(_SPEAKERS)}"
        )
    return _SPEAKERS[protocol]
