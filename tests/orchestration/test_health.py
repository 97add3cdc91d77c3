"""Each address is tried as it will be used: what may be done there, or what is missing and what helps."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from assets.registry.tracker import Tracker
from orchestration import cli
from orchestration.health import examine, require_answers
from orchestration.health.databases import try_database
from orchestration.health.servers import try_mlflow
from orchestration.health.stores import RACERS, _race, try_folder
from orchestration.profiles import load_settings

ALL = ("list", "write", "read", "delete", "write once among racers")


@pytest.fixture
def url(postgres) -> str:
    return str(postgres.make_database())


def change(url: str, **parts: object) -> str:
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


def run(monkeypatch, capsys, *words: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["daguerre", "status", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0), capsys.readouterr().out


def test_a_home_on_a_laptop_is_good_and_nothing_is_left_in_it(
    home, monkeypatch, capsys
):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    before = {p.name for p in home.rglob("*")}
    code, out = run(monkeypatch, capsys, "--health", "--json")
    facts = json.loads(out)
    names = [found["name"] for found in facts["health"]]
    assert code == 0 and all(found["ok"] for found in facts["health"])
    assert names == [
        "landing zone",
        "tables",
        "blobs",
        "ledger",
        "Dagster",
        "MLflow",
        "MLflow artifacts",
    ]
    assert facts["sessions"] == [] and "decoders_lack" in facts
    assert {p.name for p in home.rglob("*")} == before


def test_a_cluster_that_does_not_answer_is_named_with_its_setting_and_exits_3(
    home, monkeypatch, capsys
):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setenv("DAGUERRE_RAY", "127.0.0.1:1")
    code, out = run(monkeypatch, capsys, "--health", "--json")
    found = json.loads(out)["health"][-1]
    assert code == 3
    assert found["name"] == "Ray" and found["address"] == "127.0.0.1:1"
    assert found["lacks"].startswith("no Ray answers there")
    assert found["remedy"].startswith("give host:port of its head")


def test_a_folder_that_may_not_be_written_is_named_and_exits_3(
    home, monkeypatch, capsys, permissions_bind
):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    (home / "blobs").mkdir(mode=0o500)
    code, out = run(monkeypatch, capsys, "--health")
    (line,) = [line for line in out.splitlines() if line.startswith("blobs ")]
    assert code == 3
    assert line.startswith(f"blobs {home}/blobs: may list; may not write: ")
    assert line.endswith(
        "grant this user the right to write there, or name another place"
    )
    assert "sessions:" not in out


def test_a_database_lets_its_owner_do_all_and_keeps_nothing(url):
    found = try_database("ledger", url)
    assert found.may == ("read", "write", "delete") and found.is_good
    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


@pytest.mark.parametrize(
    ("parts", "told", "remedy"),
    [
        ({"database": "nobody"}, "does not exist", "createdb"),
        ({"password": "wrong"}, "password authentication failed", "pgpass"),
        ({"port": 1}, "refused", "start the server"),
        ({"host": "nowhere.invalid"}, "nowhere.invalid", "check host and port"),
    ],
)
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_database_that_cannot_be_had_says_why_and_what_helps(
    url, driver, parts, told, remedy
):
    wrong = change(url, drivername=f"postgresql+{driver}", **parts)
    found = try_database("ledger", wrong)
    assert not found.is_good and told in found.lacks and remedy in found.remedy
    password = str(sa.make_url(wrong).password)
    assert password not in found.line and "\n" not in found.line


def test_a_user_who_may_only_read_is_told_so(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE reader LOGIN PASSWORD 'looks'")
    engine.dispose()
    found = try_database("ledger", change(url, username="reader", password="looks"))
    assert "permission denied" in found.lacks and "grant" in found.remedy


def test_nothing_is_started_where_a_database_does_not_answer(url, home):
    settings = {
        "DAGUERRE_HOME": str(home),
        "DAGUERRE_LEDGER": url,
        "DAGUERRE_DAGSTER": change(url, database="nobody"),
    }
    with pytest.raises(
        ValueError, match=r'^Dagster .*"nobody" does not exist: make it by'
    ):
        require_answers(load_settings(settings))
    require_answers(load_settings({**settings, "DAGUERRE_DAGSTER": url}))


def test_the_addresses_of_the_settings_are_those_that_are_tried(url, home):
    settings = load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_LEDGER": url,
            "DAGUERRE_DAGSTER": url,
            "DAGUERRE_MLFLOW": url,
        }
    )
    found = {one.name: one for one in examine(settings)}
    assert all(one.is_good for one in found.values())
    for name in ("ledger", "Dagster", "MLflow"):
        assert found[name].address.startswith("postgresql+psycopg")
        assert str(sa.make_url(url).password) not in found[name].address


class _Careless:
    """A store that takes conditions and ignores them."""

    def __init__(self, answers: Iterator[bool]) -> None:
        self._answers = answers
        self._lock = threading.Lock()

    def create(self, name: str) -> bool:
        with self._lock:
            return next(self._answers)


@pytest.mark.parametrize("num_winners", [0, 2, RACERS])
def test_a_race_that_other_than_one_wins_is_a_fault(num_winners):
    answers = iter([n < num_winners for n in range(RACERS)])
    with pytest.raises(OSError, match=f"{num_winners} of {RACERS} racers wrote"):
        _race(_Careless(answers), "key")  # type: ignore[arg-type]


def test_a_folder_is_raced_for_and_left_empty(tmp_path):
    found = try_folder("tables", tmp_path, str(tmp_path))
    assert found.may == ALL and os.listdir(tmp_path) == []


# MLflow's mappers use a loader that SQLAlchemy 2.1 deprecates
@pytest.mark.filterwarnings("default")
def test_an_mlflow_server_lets_models_be_made_and_deleted(tmp_path, monkeypatch):
    address, stop = serve_mlflow(tmp_path, monkeypatch)
    try:
        assert try_mlflow("MLflow", address).may == ("read", "write", "delete")
        assert try_mlflow("MLflow", address, is_brief=True).may == ("read",)
        wrong = try_mlflow("MLflow", f"{address}/elsewhere")
        assert "HTTP 404" in wrong.lacks and "without a path" in wrong.remedy
    finally:
        stop()
    gone = try_mlflow("MLflow", address)
    assert "refused" in gone.lacks and "start the server" in gone.remedy


def serve_mlflow(folder: Path, monkeypatch) -> tuple[str, object]:
    """MLflow's own application on a free port of loopback, in this process."""
    import uvicorn
    from mlflow.server import constants

    store = f"sqlite:///{folder / 'mlflow.db'}"
    Tracker(store, str(folder)).versions("detection")  # makes its tables
    monkeypatch.setenv(constants.BACKEND_STORE_URI_ENV_VAR, store)
    monkeypatch.setenv(constants.REGISTRY_STORE_URI_ENV_VAR, store)
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.server.fastapi_app import app

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join()

    return f"http://127.0.0.1:{port}", stop
