"""Read the environment, here and nowhere else, into one Settings object.

Belongs here: which profile runs, and where its stores lie. Does not: anything that opens them.
"""

import importlib.util
import math
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assets.addresses import hide, require_escaped, require_open
from assets.loop import COOLDOWN_S, LABELS_A_DAY, LoopLimits
from assets.privacy.keys import SETTING as SEAL_KEY
from assets.spill import SETTING
from assets.workspace import Elsewhere, Workspace
from models.known_tasks import all_task_names
from orchestration.agent.ladder.source import Limits, ModelSource
from orchestration.plain_homes import find_plain

PROFILES = ("local", "ci", "team")
LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"
_LEAST_TOKEN = 32  # characters
# daguerre/code where Daguerre is installed
CHECKOUT = Path(__file__).resolve().parent.parent
_HOME = ".daguerre"
_KEYS_ELSEWHERE = "keys are looked for in the usual AWS places"
_LOGIN_ELSEWHERE = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD for the server"
)
STORAGE_SETTING = "DAGUERRE_DAGSTER"
_SHARED_DATABASES = ("DAGUERRE_LEDGER", STORAGE_SETTING, "DAGUERRE_MLFLOW")
_SHARED_PLACES = (
    "DAGUERRE_LANDING",
    "DAGUERRE_TABLES",
    "DAGUERRE_BLOBS",
    "DAGUERRE_MLFLOW_ARTIFACTS",
)
_DATABASE = "postgresql://user@host/database"
# by setting: what speaks to a Postgres server. Dagster's storage names psycopg2 in its own code
_DRIVERS = {
    "DAGUERRE_LEDGER": "psycopg",
    STORAGE_SETTING: "psycopg2",
    "DAGUERRE_MLFLOW": "psycopg2",
}
_ENCODER = "that of a model package, such as $DAGUERRE_HOME/models/pretraining/<id>"
_POLICY = "the YAML file of what releases may be made of"
_STEREO_NET = "a stereo net in ONNX"
_CLIP = "that of a CLIP-like net in ONNX, with vision_model.onnx and text_model.onnx"
_SHARED_COPIES_BYTES = 20 * 2**30


@dataclass(frozen=True)
class Settings:
    """Where everything lies. URIs are local paths or s3:// addresses."""

    profile: str
    home: Path  # plain: `find_plain`
    landing_uri: str
    tables_uri: str
    blobs_uri: str
    ledger_url: str = field(repr=False)  # these three may hold a password
    mlflow_url: str = field(repr=False)
    mlflow_artifacts: str
    workspace: Workspace
    # of Dagster's storage; None: SQLite in the home
    dagster_url: str | None = field(default=None, repr=False)
    s3_endpoint: str | None = None
    # for the end of a container that is still being uploaded, or was cut
    partial_wait_s: int = 900
    # how long what nothing names stays before `maintain` removes it
    keep_days: int = 7
    # how browsers may call the UI, beside loopback
    ui_origins: tuple[str, ...] = ()
    # where the UI listens
    ui_host: str = LOOPBACK
    # holds what opens the UI; None: what is made at each start
    ui_token_file: Path | None = None
    # tasks whose promotions wait for a person
    asks_person: tuple[str, ...] = ()
    # who is told of alarms; the address is a secret. "": the log alone
    alarm_webhook: str = field(default="", repr=False)
    # what the closed loop may cost
    loop: LoopLimits = field(default_factory=LoopLimits)
    # the language model that answers what rules cannot; false where nobody names one
    asked_model: ModelSource = field(default_factory=ModelSource)
    # that originals are sealed by, as base64; "": the file of the home. A secret
    seal_key: str = field(default="", repr=False)

    @property
    def file_options(self) -> dict[str, Any]:
        """Options for fsspec; s3fs finds credentials in the usual AWS places itself."""
        return _choose_file_options(self.s3_endpoint)

    @property
    def table_options(self) -> dict[str, str] | None:
        """Options for Lance's object store."""
        if not self.s3_endpoint:
            return None
        return {
            "aws_endpoint": self.s3_endpoint,
            "allow_http": str(self.s3_endpoint.startswith("http://")).lower(),
        }

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps runs, events and schedules."""
        return self.home / "dagster"

    @property
    def ui_lock(self) -> Path:
        """The file that the running UI of the home holds, with its addresses."""
        return self.home / "ui_lock"

    @property
    def backfill_lock(self) -> Path:
        """The file that a process holds which works on backfills of the home, in place of the daemon of the UI."""
        return self.home / "backfill_lock"

    @property
    def ui_token(self) -> Path:
        """The file with what opens the UI: the one that is named, or one for this user alone, new at each start."""
        return self.ui_token_file or self.home / "ui_token"

    @property
    def serve_token(self) -> Path:
        """The file with what opens `daguerre serve`: the one that is named, or one that is new at each start."""
        return self.ui_token_file or self.home / "serve_token"

    @property
    def browse_token(self) -> Path:
        """The file with what opens `daguerre browse`: the one that is named, or one that is new at each start."""
        return self.ui_token_file or self.home / "browse_token"

    @property
    def mcp_token(self) -> Path:
        """The file with what opens `daguerre mcp --port`: the one that is named, or one that is new at each start."""
        return self.ui_token_file or self.home / "mcp_token"

    @property
    def roles_file(self) -> Path:
        """The file that gives roles to people."""
        return self.home / "roles.yaml"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises ValueError for a value that cannot be used, naming the variable."""
    env = os.environ if environ is None else environ
    profile = env.get("DAGUERRE_PROFILE", "local")
    if profile not in PROFILES:
        raise ValueError(
            f"DAGUERRE_PROFILE={profile!r} is not known: use one of {', '.join(PROFILES)}"
        )
    if profile == "team":
        _require_shared(env)
    named = find_home(env, Path.cwd())
    named.mkdir(parents=True, exist_ok=True)
    home = find_plain(named, env)
    endpoint = _place(env, "DAGUERRE_S3_ENDPOINT", None) or None
    blobs_uri = _place(env, "DAGUERRE_BLOBS", home / "blobs")
    store = (
        Elsewhere(blobs_uri, _choose_file_options(endpoint))
        if "DAGUERRE_BLOBS" in env
        else None
    )
    return Settings(
        profile=profile,
        home=home,
        landing_uri=_place(env, "DAGUERRE_LANDING", home / "landing"),
        tables_uri=_plain_place(env, "DAGUERRE_TABLES", home / "tables"),
        blobs_uri=blobs_uri,
        ledger_url=_database(env, "DAGUERRE_LEDGER", home / "ledger.db"),
        mlflow_url=_server(env, "DAGUERRE_MLFLOW")
        or _database(env, "DAGUERRE_MLFLOW", home / "mlflow" / "mlflow.db"),
        mlflow_artifacts=_place(
            env, "DAGUERRE_MLFLOW_ARTIFACTS", home / "mlflow" / "artifacts"
        ),
        workspace=Workspace(
            home,
            num_workers=_workers(env, "DAGUERRE_WORKERS"),
            use_ray=profile != "ci",
            ray_address=_ray_address(env, "DAGUERRE_RAY", profile),
            device_hour_price=_price(env, "DAGUERRE_DEVICE_HOUR_PRICE"),
            encoder=_folder(env, "DAGUERRE_ENCODER", _ENCODER),
            clip=_folder(env, "DAGUERRE_CLIP", _CLIP),
            stereo_net=_file(env, "DAGUERRE_STEREO_NET", _STEREO_NET),
            pixel_cache_bytes=_gibibytes(env, "DAGUERRE_PIXEL_CACHE_GIB"),
            store=store,
            copies_bytes=_limit_copies(env, "DAGUERRE_CACHE_GIB", store),
            policy_file=_file(env, "DAGUERRE_POLICY", _POLICY),
        ),
        dagster_url=_storage(env, STORAGE_SETTING),
        s3_endpoint=endpoint,
        partial_wait_s=_whole_number(env, "DAGUERRE_PARTIAL_WAIT_S", 900, least=0),
        keep_days=_whole_number(env, "DAGUERRE_KEEP_DAYS", 7, least=1),
        ui_origins=_origins(env, "DAGUERRE_UI_ORIGINS"),
        ui_host=_host(env, "DAGUERRE_UI_HOST"),
        ui_token_file=_token_file(env, "DAGUERRE_UI_TOKEN_FILE"),
        asks_person=_tasks(env, "DAGUERRE_APPROVE"),
        alarm_webhook=_webhook(env, "DAGUERRE_ALARM_WEBHOOK"),
        loop=LoopLimits(
            _whole_number(env, "DAGUERRE_LABELS_A_DAY", LABELS_A_DAY, least=0),
            _whole_number(env, "DAGUERRE_TRAINING_COOLDOWN_S", COOLDOWN_S, least=0),
        ),
        asked_model=_asked_model(env),
        seal_key=env.get(SEAL_KEY, ""),
    )


def keep_private(environ: Mapping[str, str] | None = None) -> None:
    """Let files and folders that this process makes, and its children, be for this user alone (0600, 0700).

    `DAGUERRE_UMASK`, three octal digits, says otherwise. Raises ValueError for any other value.
    """
    env = os.environ if environ is None else environ
    mask = env.get("DAGUERRE_UMASK", "077")
    if not re.fullmatch("0?[0-7]{3}", mask):
        raise ValueError(
            f"DAGUERRE_UMASK={mask!r} is not a mask: give three octal digits, 022 to let others read"
        )
    os.umask(int(mask, 8))


def choose_spill(environ: Mapping[str, str] | None = None) -> None:
    """Let what this process, and those that it starts, put aside for a while lie in the folder of `DAGUERRE_SPILL`.

    Raises ValueError where it is none that this user may write to.
    """
    env = os.environ if environ is None else environ
    text = env.get(SETTING)
    if not text:
        return
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(
            f"{SETTING}={text!r} is no folder that this user may write to: make it"
        )
    tempfile.tempdir = str(folder)
    os.environ["TMPDIR"] = str(folder)


def find_home(env: Mapping[str, str], folder: Path) -> Path:
    """The home of who works in a folder: the one that is named, the one there, that of the checkout, or the user's own.

    A folder above is not searched for a home, but where it is the checkout that this code is from: homes hold settings
    that name code to run, and in a folder such as /tmp anybody may leave one.
    """
    named = env.get("DAGUERRE_HOME")
    if named:
        return Path(named).expanduser().resolve()
    if (folder / _HOME).is_dir() or _is_checkout(folder):
        return (folder / _HOME).resolve()
    if _is_checkout(CHECKOUT) and folder.resolve().is_relative_to(CHECKOUT):
        return CHECKOUT / _HOME
    data = Path(env.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    # to be ignored, says the XDG Base Directory Specification
    if not data.is_absolute():
        data = Path("~/.local/share").expanduser()
    return (data / "daguerre").resolve()


def require_home(environ: Mapping[str, str] | None = None) -> None:
    """Raise ValueError where there is no home, for who only looks: `load_settings` would make one."""
    env = os.environ if environ is None else environ
    place = find_home(env, Path.cwd())
    if not place.exists() and "DAGUERRE_TABLES" not in env:
        raise ValueError(
            f"there is no home at {place}: `daguerre ingest` or `daguerre demo` makes one, DAGUERRE_HOME names another"
        )


def find_foreign_checkout(folder: Path) -> Path | None:
    """The checkout that `folder` is, where the code that runs is from elsewhere: a linked environment runs its own."""
    here = folder.resolve()
    return here if _is_checkout(here) and here != CHECKOUT else None


def _is_checkout(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file() and (
        folder / "orchestration" / "profiles.py"
    ).is_file()


def _whole_number(env: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = env.get(name, str(default))
    if not text.isdigit() or int(text) < least:
        raise ValueError(f"{name}={text!r} is not a whole number of {least} or more")
    return int(text)


def _place(env: Mapping[str, str], name: str, default: Path | None) -> str:
    """A URI or a folder. It is shown, and written into tables: it holds no password."""
    text = env.get(name, str(default or ""))
    require_open(text, name, _KEYS_ELSEWHERE)
    return text


def _plain_place(env: Mapping[str, str], name: str, default: Path) -> str:
    """A URI, or a folder with a plain path."""
    text = _place(env, name, default)
    if "://" in text or name not in env:
        return text
    return str(find_plain(Path(text).resolve(), env))


def _origins(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Addresses of servers, without a path, as browsers write them."""
    found = tuple(env.get(name, "").replace(",", " ").split())
    for text in found:
        if not re.fullmatch(r"https?://[a-z0-9.\[\]:-]+", text):
            remedy = "give those that browsers use, without a path, such as https://daguerre.example"
            raise ValueError(f"{name}: {text!r} is no origin: {remedy}")
    return found


def _tasks(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Names of tasks, or `all` for every one."""
    found = tuple(env.get(name, "").replace(",", " ").split())
    known = all_task_names() if found else ()
    if found == ("all",):
        return tuple(known)
    for text in found:
        if text not in known:
            raise ValueError(
                f"{name}: there is no task {text!r}: give all, or some of {', '.join(known)}"
            )
    return found


def _host(env: Mapping[str, str], name: str) -> str:
    text = env.get(name) or LOOPBACK
    if text not in (LOOPBACK, ANYWHERE):
        raise ValueError(
            f"{name}={text!r} is neither {LOOPBACK} nor {ANYWHERE}, which is for a container whose ports are published"
        )
    return text


def _token_file(env: Mapping[str, str], name: str) -> Path | None:
    text = env.get(name)
    if not text:
        return None
    path = Path(text).expanduser()
    remedy = f"write a random text of {_LEAST_TOKEN} characters or more into it, such as `openssl rand -hex 32` gives"
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}={text!r} cannot be read: {remedy}") from error
    if len(token) < _LEAST_TOKEN or not re.fullmatch(r"[\w.~-]+", token, re.ASCII):
        raise ValueError(
            f"{name}={text!r} holds no token of letters and digits that is long enough: {remedy}"
        )
    return path


def _webhook(env: Mapping[str, str], name: str) -> str:
    """An address that holds a secret: an error does not show it."""
    text = env.get(name, "")
    inside = rf"http://({re.escape(LOOPBACK)}|localhost)(:[0-9]+)?/\S*"
    if text and not re.fullmatch(rf"https://[^\s/@]+/\S*|{inside}", text):
        raise ValueError(
            f"{name} is no address of a webhook: give one such as Slack's, https://host/path, without a user"
        )
    return text


def _asked_model(env: Mapping[str, str]) -> ModelSource:
    """An error of the address does not show it."""
    gguf = env.get("DAGUERRE_ASK_GGUF")
    path = Path(gguf).expanduser().resolve() if gguf else None
    if path is not None and not path.is_file():
        raise ValueError(
            f"DAGUERRE_ASK_GGUF={gguf!r}: there is no file {path}; give a model of the form GGUF, or unset it"
        )
    limits = {
        name: _whole_number(env, f"DAGUERRE_ASK_{name.upper()}", default, least=1)
        for name, default in asdict(Limits()).items()
    }
    names = ("ADDRESS", "MODEL", "KEY")
    address, name, key = (env.get(f"DAGUERRE_ASK_{one}", "") for one in names)
    return ModelSource(address, name, key, path, Limits(**limits))


def _database(env: Mapping[str, str], name: str, default: Path) -> str:
    """A SQLAlchemy URL with its driver, which may hold a password: of a SQLite file, or of a Postgres server."""
    text = env.get(name) or f"sqlite:///{default}"
    return text if text.startswith("sqlite:") else _postgres(text, name)


def _storage(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name)
    return _postgres(text, name) if text else None


def _server(env: Mapping[str, str], name: str) -> str:
    """The address of a server, which may hold no password; "" where it is something else."""
    text = env.get(name, "")
    if not text.startswith(("http://", "https://")):
        return ""
    require_open(text, name, _LOGIN_ELSEWHERE)
    return text


def _postgres(text: str, name: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme.partition("+")[0] not in ("postgresql", "postgres") or not rest:
        also = ", or the http:// address of a server" * (name == "DAGUERRE_MLFLOW")
        raise ValueError(
            f"{name}={hide(text)!r} is no address of a database: give {_DATABASE}{also}"
        )
    require_escaped(text, name)
    driver = _DRIVERS[name]
    needed = [driver, *["dagster_postgres"] * (name == STORAGE_SETTING)]
    missing = [module for module in needed if importlib.util.find_spec(module) is None]
    if missing:
        raise ValueError(
            f"{name}={hide(text)!r} needs {' and '.join(missing)}, which is not installed here: "
            "pip install -r requirements.lock"
        )
    return f"postgresql+{driver}://{rest}"


def _require_shared(env: Mapping[str, str]) -> None:
    """Raise ValueError for a team's store that would be a machine's own, naming the setting."""
    for name in _SHARED_PLACES:
        if not env.get(name):
            raise ValueError(
                f"DAGUERRE_PROFILE='team' needs {name}, a place that all machines reach: give s3://bucket/prefix"
            )
    for name in _SHARED_DATABASES:
        text = env.get(name, "")
        if not text or text.startswith("sqlite"):
            also = ", or the http:// address of a server" * (name == "DAGUERRE_MLFLOW")
            raise ValueError(
                f"DAGUERRE_PROFILE='team' needs {name}, a database that all machines reach, not "
                f"{hide(text) or 'a file in the home'}: give {_DATABASE}{also}"
            )


def _choose_file_options(endpoint: str | None) -> dict[str, Any]:
    return {"client_kwargs": {"endpoint_url": endpoint}} if endpoint else {}


def _limit_copies(
    env: Mapping[str, str], name: str, store: Elsewhere | None
) -> int | None:
    """Where models lie in the home alone, nothing of them is a copy that may go."""
    limit = _gibibytes(env, name)
    if store is None:
        return None
    return _SHARED_COPIES_BYTES if limit is None else limit


def _folder(env: Mapping[str, str], name: str, what: str) -> Path | None:
    text = env.get(name)
    if not text:
        return None
    path = Path(text).expanduser().resolve()
    if not path.is_dir():
        raise ValueError(f"{name}={text!r}: there is no folder {path}; give {what}")
    return path


def _file(env: Mapping[str, str], name: str, what: str) -> Path | None:
    """One that is not there is refused: a policy that is not read would let everything in."""
    text = env.get(name)
    if not text:
        return None
    path = Path(text).expanduser().resolve()
    if not path.is_file():
        raise ValueError(
            f"{name}={text!r}: there is no file {path}; give {what}, or unset it"
        )
    return path


def _workers(env: Mapping[str, str], name: str) -> tuple[int, int]:
    """At least and at most, written as one number or as two."""
    text = env.get(name, "2")
    found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", text)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most:
        raise ValueError(
            f"{name}={text!r} is no number of workers: give 1 or more, such as 2, or a range such as 1-2"
        )
    return least, most


def _ray_address(env: Mapping[str, str], name: str, profile: str) -> str | None:
    """host:port of the head of a cluster; None where nobody names one."""
    text = env.get(name)
    if not text:
        return None
    if profile == "ci":
        raise ValueError(
            f"{name}={text!r} with DAGUERRE_PROFILE=ci, which works without Ray: unset one of the two"
        )
    if not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}", text):
        remedy = "give host:port of the cluster's head, such as 10.0.0.5:6379, without ray://"
        raise ValueError(f"{name}={hide(text)!r} is no address of a Ray: {remedy}")
    return text


def _gibibytes(env: Mapping[str, str], name: str) -> int | None:
    """In bytes; None where nobody says."""
    text = env.get(name)
    if not text:
        return None
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 <= size < math.inf:
        raise ValueError(
            f"{name}={text!r} is not a size in GiB: give a number such as 20, or 0 to keep nothing"
        )
    return int(size * 2**30)


def _price(env: Mapping[str, str], name: str) -> float | None:
    text = env.get(name)
    if text is None:
        return None
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0 <= price < math.inf:
        raise ValueError(f"{name}={text!r} is not a price: give a number of 0 or more")
    return price
