"""One fresh home a test, with the real stores in it; small images and folders; and real data, where it is present."""

from __future__ import annotations

import atexit
import fcntl
import gc
import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings

from assets.capture.intake import Intake
from assets.cluster.connection import RAY_SETTINGS
from assets.ledger import Ledger
from assets.storage import BlobStore
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.worker import name_worker
from bench.prove.postgres import Postgres, PostgresMissing

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
settings.load_profile("untimed")

_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # names of others that lead to this machine
    "--host-resolver-rules=MAP *.invalid 127.0.0.1",
]
INTAKE_TABLES = (
    "captures",
    "frames",
    "frame_quality",
    "frame_exif",
    "signals",
    "calibrations",
    "labels",
    "annotated_frames",
    "quarantine",
)

# whichever test imports Ray first: it looks at its tokens then
os.environ.update(RAY_SETTINGS)
_TESTS = Path(__file__).parent
_SERVED = ("faults", "s3", "ui")  # folders whose servers are started once
# files and folders of tests of minutes: those that wait for servers in turn with those that compute
_LONG = (
    "cluster/",
    "pipeline/",
    "models/training/",
    "faults/",
    "docs/",
    "s3/",
    "assets/training/",
    "ui/",
    "orchestration/test_tune.py",
    "orchestration/test_on_postgres.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Processes that share the cores compute in one thread each."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Processes take a file at a time, or a folder whose servers are started once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            folder = file.removeprefix("tests/").split("/")[0]
            return folder if folder in _SERVED else file

    return ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first where tests run in several processes: none waits for another in the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(_TESTS).as_posix()
    return next((n for n, p in enumerate(_LONG) if path.startswith(p)), len(_LONG))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays to the end: nobody looks for garbage in it, which is a third of the time to collect."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        atexit.register(gc.unfreeze)  # libraries tell what is left at the end


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ui-home",
        default=None,
        help="show this home in the UI tests instead of an empty one",
    )
    parser.addoption(
        "--screenshots", default=None, help="folder for the screenshots of the UI tests"
    )


@pytest.fixture(autouse=True)
def default_sigterm() -> None:
    """What libraries of tests before did with SIGTERM, which processes that are started inherit, is undone: Dagster
    gives it what SIGINT has, and that is ignored where tests run in the background of a shell."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


@pytest.fixture(autouse=True)
def _usual_priority() -> Iterator[None]:
    """A library that raises this process to real time starves the machine, later: the test that does it fails."""
    before = os.sched_getscheduler(0)
    yield
    if os.sched_getscheduler(0) != before:
        os.sched_setscheduler(0, before, os.sched_param(0))
        pytest.fail("this test changed how the process is scheduled")


@pytest.fixture(scope="session", autouse=True)
def home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a command writes that a test gives no home: never the checkout's, or that of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patched:
        path = tmp_path_factory.mktemp("nobody") / "home"
        patched.setenv("DAGUERRE_HOME", str(path))
        yield path


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """make_once("encoder", make): the folder that make(folder) filled, in one of the processes that share the tests."""

    def find(name: str, make: Callable[[Path], object]) -> Path:
        base = tmp_path_factory.getbasetemp()
        shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        folder = shared / f"once-{name}"
        with (shared / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                part = tmp_path_factory.mktemp(name)
                make(part)
                part.rename(folder)
        return folder

    return find


@pytest.fixture(scope="session", autouse=True)
def _convert_once(make_once: Callable[..., Path]) -> Iterator[None]:
    """The encoder is put into ONNX once, by what does it for a user, and each home gets a copy."""
    from assets.inference import embed

    convert = embed._convert

    def copy(path: Path) -> None:
        made = make_once("encoder", lambda folder: convert(folder / "made.onnx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        shutil.copyfile(made / "made.onnx", part)
        os.replace(part, path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(embed, "_convert", copy)
        yield


@pytest.fixture(scope="session", autouse=True)
def _put_verbs_together_once() -> Iterator[None]:
    """Typer makes all commands anew for each that is called, which is 16 ms for our verbs."""
    from typer import main, testing

    once = cache(main.get_command)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(main, "get_command", once)
        patched.setattr(testing, "_get_command", once)
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny nets gain nothing from threads, and lose much where cores are shared."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def permissions_bind() -> Iterator[None]:
    """What permissions forbid is forbidden to root too, as long as the test lasts. Linux, capabilities(7)."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    before = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, before) == 0
    bound = (ctypes.c_uint32 * 6)(*before)
    bound[0] &= ~0b110  # effective: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, bound) == 0
    yield
    assert libc.capset(header, before) == 0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty $DAGUERRE_HOME."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def empty_store(make_once: Callable[..., Path]) -> Path:
    """An MLflow store whose tables exist: their migration takes seconds, a copy of the file does not."""
    from assets.registry.tracker import Tracker

    def make(folder: Path) -> None:
        Tracker(f"sqlite:///{folder / 'mlflow.db'}", str(folder)).versions(
            "recognition"
        )

    return make_once("mlflow", make) / "mlflow.db"


@pytest.fixture(scope="session")
def start_home(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Callable[[Path], Path]:
    """start_home(folder): a home in which MLflow has its tables and the embedder its net, made once for all."""
    from assets.inference.embed import Embedder

    cache = tmp_path_factory.mktemp("made") / "cache"
    Embedder(cache)

    def start(folder: Path) -> Path:
        shutil.copytree(cache, folder / "cache", dirs_exist_ok=True)
        (folder / "mlflow").mkdir(exist_ok=True)
        shutil.copyfile(empty_store, folder / "mlflow" / "mlflow.db")
        return folder

    return start


@pytest.fixture
def catalog(home: Path) -> Catalog:
    return Catalog(str(home / "tables"))


@pytest.fixture
def ledger(home: Path) -> Ledger:
    return Ledger(f"sqlite:///{home / 'ledger.db'}")


@pytest.fixture
def intake(home: Path) -> Intake:
    return _open_intake(home)


@pytest.fixture
def open_intake(home: Path) -> Callable[..., Intake]:
    """open_intake(catalog=...): one more worker on the same home; the arguments replace some of its stores."""
    return lambda **changes: _open_intake(home, **changes)


@pytest.fixture(scope="session")
def open_at() -> Callable[..., Intake]:
    """open_at(home, catalog=...): a worker on any home."""
    return _open_intake


@pytest.fixture(scope="session")
def read_tables() -> Callable[[Catalog], dict[str, list[dict]]]:
    """All rows of the intake tables, in the order of their keys: equal for equal content."""
    return _read_tables


@pytest.fixture(scope="session")
def make_png() -> Callable[..., bytes]:
    return _encode_noise


@pytest.fixture(scope="session")
def frame_rows() -> Callable[..., pa.Table]:
    """frame_rows(3, session="monday", capture_id=..., sensor=...): rows of `frames`, PNG of noise, new at each seed."""
    return _frame_rows


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model package of pretraining, not trained, for images of 32 px."""
    import torch

    from assets.inference.package import describe, write_package
    from models.recipes import get_recipe
    from models.tasks import find_task

    torch.manual_seed(1)
    config = replace(get_recipe("tiny_pretraining"), image_size_px=32)
    net = find_task("pretraining").build(config, 0, None)
    facts = describe(config, (), "0" * 32, 1, "1", [])
    return write_package(
        tmp_path_factory.mktemp("encoder"), net, "pretraining", facts
    ).folder


@pytest.fixture
def lower(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """lower(module, MAX_LABELS=2): limits that are constants, for one test and in the module that goes by them.

    So an ordinary small file exceeds them. Limits that are parameters are lowered by whoever calls.
    """

    def change(module: ModuleType, **limits: float) -> None:
        for name, value in limits.items():
            assert value < getattr(module, name), f"{name} is not lowered by {value}"
            monkeypatch.setattr(module, name, value)

    return change


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[..., Path]:
    """write_files({"a/b.png": bytes}, "name"): the files below a folder of that name."""

    def write(files: dict[str, bytes | str], name: str = "session") -> Path:
        for path, data in files.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.encode() if isinstance(data, str) else data)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def test_data() -> Callable[[str], Path]:
    """A folder of the shared real data; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
        folder = Path(os.environ.get("DAGUERRE_TEST_DATA", default)) / name
        if not folder.exists():
            pytest.skip(f"real data {folder} is not present: set DAGUERRE_TEST_DATA")
        return folder

    return find


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres server on loopback of this process alone; the test is skipped where there is none."""
    try:
        server = Postgres()
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short simulated MCAP capture, in which one frame is corrupt."""
    from assets.capture.simulate import SimulationSpec, simulate

    spec = SimulationSpec(1, 0.5, 3, fault="corrupt_frame", width_px=96, height_px=72)
    return simulate(tmp_path_factory.mktemp("recording"), spec)[0].read_bytes()


def _open_intake(home: Path, **changes: object) -> Intake:
    stores = {
        "catalog": Catalog(str(home / "tables")),
        "ledger": Ledger(f"sqlite:///{home / 'ledger.db'}"),
        "blobs": BlobStore(str(home / "blobs")),
        "owner": name_worker(),
    }
    return Intake(**(stores | changes))  # type: ignore[arg-type]


def _frame_rows(
    count: int, seed: int = 0, session: str = "monday", **columns: object
) -> pa.Table:
    rows = []
    for index in range(count):
        payload = _encode_noise(seed + index)
        sequence = seed + index
        row = {
            "frame_id": content_id("frame", session, sequence),
            "capture_id": content_id("capture", session),
            "session": session,
            "sensor": "cam",
            "kind": "color",
            "t_ns": sequence * 10**8,
            "sequence": sequence,
            "width_px": 16,
            "height_px": 12,
            "encoding": "png",
            "payload": payload,
            "split_hint": None,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "source_path": f"{sequence}.png",
            "source_offset": 0,
            "source_length": len(payload),
            "source_inner_offset": None,
        }
        rows.append(
            row
            | {k: v[index] if isinstance(v, list) else v for k, v in columns.items()}
        )
    return to_table(TABLES["frames"], rows)


def _encode_noise(seed: int = 0, width_px: int = 16, height_px: int = 12) -> bytes:
    """A PNG of seeded noise."""
    pixels = np.random.default_rng(seed).integers(
        0, 256, (height_px, width_px, 3), dtype=np.uint8
    )
    return bytes(cv2.imencode(".png", pixels)[1])


def _read_tables(catalog: Catalog) -> dict[str, list[dict]]:
    return {
        name: catalog.read_latest(name).sort_by(TABLES[name].key).to_pylist()
        for name in INTAKE_TABLES
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A headless Chromium of the system; the test is skipped where there is none.

    Of one module: while it is open its event loop runs in this thread, where others then cannot run theirs.
    """
    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if chromium is None:
        pytest.skip("no Chromium on this machine: install the package 'chromium'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=_BROWSER_FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures of this test go."""
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
