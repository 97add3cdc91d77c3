"""Does each address of the settings answer, what may this user do there, and what is missing.

Belongs here: which addresses there are, and what is asked of each. Does not: the words on a terminal.
Nothing is left behind: what is written to try is removed, and a transaction is rolled back.
"""

from orchestration.health.databases import try_database
from orchestration.health.finding import Finding
from orchestration.health.seal_keys import try_seal_keys
from orchestration.health.servers import try_mlflow, try_ray
from orchestration.health.stores import ARTIFACTS, try_landing, try_store
from orchestration.profiles import Settings


def examine(settings: Settings) -> list[Finding]:
    """One finding for each address of the settings, in the order of the data."""
    tables = try_store("tables", settings.tables_uri, settings, races=True)
    blobs = try_store("blobs", settings.blobs_uri, settings, races=True)
    artifacts = try_store(ARTIFACTS, settings.mlflow_artifacts, settings)
    return [
        try_landing(settings),
        tables,
        blobs,
        try_database("ledger", settings.ledger_url),
        _try_dagster(settings),
        _try_server("MLflow", settings.mlflow_url),
        artifacts,
        *([try_ray(settings)] if settings.workspace.ray_address else []),
        *(try_seal_keys(settings) if tables.is_good else []),
    ]


def require_answers(settings: Settings) -> None:
    """Raise ValueError for the first server or bucket that does not answer, before anything is started."""
    servers = {
        "ledger": settings.ledger_url,
        "Dagster": settings.dagster_url or "",
        "MLflow": settings.mlflow_url,
    }
    places = {"tables": settings.tables_uri, "blobs": settings.blobs_uri}
    for name, address in servers.items():
        if address and not address.startswith("sqlite"):
            _require(_try_server(name, address, is_brief=True))
    for name, uri in places.items():
        if "://" in uri:
            _require(try_store(name, uri, settings, is_brief=True))


def _try_dagster(settings: Settings) -> Finding:
    if settings.dagster_url is not None:
        return try_database("Dagster", settings.dagster_url)
    return try_store("Dagster", str(settings.dagster_home), settings)


def _require(found: Finding) -> None:
    if not found.is_good:
        raise ValueError(found.line)


def _try_server(name: str, address: str, is_brief: bool = False) -> Finding:
    is_http = address.startswith("http")
    return (try_mlflow if is_http else try_database)(name, address, is_brief)
