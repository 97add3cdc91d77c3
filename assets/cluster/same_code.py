"""Whether the machines of a cluster run the same code: rows and weights would differ, and nobody would see it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

from assets.code_versions.tree import ROOT, FolderTree

# what decodes, stores and computes; Ray compares its own version and Python's
_PACKAGES = (
    "torch",
    "onnxruntime",
    "numpy",
    "opencv-python-headless",
    "simplejpeg",
    "pylance",
    "pyarrow",
)
_PROBE_S = 120.0  # for a machine to start a process and look
Code = Mapping[str, str]


@cache
def describe_code() -> Code:
    """Name -> version of what makes rows in this process: of Daguerre also a digest of its sources."""
    sources = FolderTree(ROOT).digest()[:12]
    return {
        "daguerre": f"{_find_version('daguerre')} with sources {sources}",
        **{name: _find_version(name) for name in _PACKAGES},
    }


def explain_difference(here: Code, there: Code, where: str) -> str:
    """A sentence on what differs and what helps; "" where nothing does."""
    differing = [name for name in here if there.get(name) != here[name]]
    if not differing:
        return ""
    told = ", ".join(
        f"{name} {there.get(name, 'missing')}, not {here[name]}" for name in differing
    )
    return f"{where} runs other code: {told}; install there what is installed here"


def require_same(here: Code, where: str) -> None:
    """In a worker. Raises ValueError where it runs other code than who asks."""
    told = explain_difference(here, describe_code(), where)
    if told:
        raise ValueError(told)


def require_same_on_all_nodes(address: str) -> None:
    """Ask every machine of the cluster. Raises ValueError, with the address, for the first that runs other code.

    One that dies meanwhile, or did a moment ago, runs none: whoever takes its place is asked when it works.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            seat = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            probe = ray.remote(_make_probe()).options(
                num_cpus=0, max_retries=0, scheduling_strategy=seat
            )
            where = f"{node['NodeManagerAddress']} (node {node['NodeID'][:8]})"
            asked[probe.remote()] = where
    for task, where in asked.items():
        code = _ask(task)
        told = "" if code is None else explain_difference(describe_code(), code, where)
        if told:
            raise ValueError(f"DAGUERRE_RAY={address!r}: {told}")


def _ask(task: Any) -> Code | None:
    """What a machine says; that Daguerre is missing where it cannot say; None for one that is gone."""
    import ray

    try:
        return dict(ray.get(task, timeout=_PROBE_S))
    except (ray.exceptions.NodeDiedError, ray.exceptions.TaskUnschedulableError):
        return None
    except (ray.exceptions.GetTimeoutError, ray.exceptions.RayError):
        return {}


def _make_probe() -> Any:
    """A function that travels as it is: on a machine without Daguerre, too, it answers."""

    def probe() -> Any:
        try:
            from daguerre.code_path import put_code_first

            put_code_first()
            from assets.cluster.same_code import describe_code

            return dict(describe_code())
        except ImportError:
            return {}

    return probe


def _find_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
