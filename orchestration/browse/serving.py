"""`daguerre browse`: the browser's server behind the gate, on loopback, until a signal.

Belongs here: its start and its end, and what opens it. Does not: what it answers.
"""

import uvicorn
from starlette.types import ASGIApp

from assets.browsing.browser import Browser
from assets.browsing.given_back import share_arenas
from orchestration.agent.world import RunVerb
from orchestration.browse.app import Parts, make_app
from orchestration.browse.asking import Asking
from orchestration.browse.comparing import Comparing
from orchestration.browse.deciding import Deciding
from orchestration.browse.exporting import Exporting
from orchestration.browse.governing import Governing
from orchestration.browse.writing import Writer
from orchestration.gate import Gate, name_cookie, read_token, renew_token
from orchestration.ports import list_origins, require_free
from orchestration.profiles import LOOPBACK, Settings
from orchestration.resources import build_catalog
from orchestration.roles.book import RoleBook
from orchestration.roles.keys import Keys
from orchestration.roles.rights import Person

ASK_FOR_LINK = (
    "This page is for the person who started it: open the link that `daguerre browse` printed, "
    "or give its token as `Authorization: Bearer ...`."
)


def serve(settings: Settings, port: int, author: str, run_verb: RunVerb) -> None:
    """Answer until a signal. Raises ValueError for a port that is taken."""
    require_free({"--port": port}, settings.ui_host)
    browser = build_browser(settings)
    print("reading the frames of this home", flush=True)
    num_frames = len(browser.index)
    path = settings.browse_token
    is_named = settings.ui_token_file is not None
    token = (read_token if is_named else renew_token)(path)
    # a token that stays is not for a log
    shown = f"<the text in {settings.ui_token_file}>" if is_named else token
    print(f"{num_frames:,} frames  http://{LOOPBACK}:{port}/?token={shown}", flush=True)
    print("Ctrl-C ends it.", flush=True)
    origins = list_origins(str(port), settings)
    app = build_app(settings, browser, author, run_verb)
    keys = build_keys(settings, token, author)
    cookie = name_cookie(settings.home, port)
    run(Gate(app, origins, keys, cookie, ASK_FOR_LINK), settings, port)


def build_browser(settings: Settings) -> Browser:
    """What the browser of a home asks; from here on it is this process's work."""
    share_arenas()
    return Browser(build_catalog(settings), settings.workspace)


def build_app(
    settings: Settings, browser: Browser, author: str, run_verb: RunVerb
) -> ASGIApp:
    """The application; where no gate says who asks, it is `author`, who started it."""
    return make_app(
        Parts(
            browser,
            Writer(settings, browser, author),
            Comparing(settings, browser.catalog),
            Asking(settings, run_verb),
            Governing(settings, browser, run_verb),
            Deciding(settings, run_verb),
            Exporting(settings),
        )
    )


def build_keys(settings: Settings, token: str, author: str) -> Keys:
    """What opens it: the token of its start, which is the author's, and those of people with a role."""
    return Keys(token, Person(author), RoleBook(settings.roles_file))


def run(app: ASGIApp, settings: Settings, port: int) -> None:
    """Serve an application that is behind a gate."""
    uvicorn.run(
        app,
        host=settings.ui_host,
        port=port,
        access_log=False,  # lines of access would hold the token
        log_level="warning",
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
    )
