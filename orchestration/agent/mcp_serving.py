"""`daguerre mcp --port`: the tools over HTTP behind the gate, on loopback, until a signal.

Belongs here: its start and its end, and what opens it. Does not: tools, and what a role may ask of them.
"""

from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.types import ASGIApp

from orchestration.agent.mcp_server import make_http_app
from orchestration.agent.world import World
from orchestration.gate import Gate, read_token, renew_token
from orchestration.ports import list_origins, require_free
from orchestration.profiles import LOOPBACK, Settings
from orchestration.roles.book import RoleBook
from orchestration.roles.keys import Keys
from orchestration.roles.rights import Person

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

ASK_FOR_TOKEN = (
    "This is for who has the token of `daguerre mcp`, or one of `daguerre role grant`: give it as "
    "`Authorization: Bearer ...`."
)


def serve_http(world: World, server: "Server[Any]", port: int) -> None:
    """Answer until a signal. Raises ValueError for a port that is taken."""
    settings = world.settings
    require_free({"--port": port}, settings.ui_host)
    if settings.ui_token_file is None:
        renew_token(settings.mcp_token)
    token = read_token(settings.mcp_token)
    print(
        f"http://{LOOPBACK}:{port}/mcp  the token is in {settings.mcp_token}",
        flush=True,
    )
    uvicorn.run(
        build_gated(settings, server, port, token, world.who),
        host=settings.ui_host,
        port=port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        lifespan="on",  # of the protocol's sessions
        timeout_graceful_shutdown=3,
    )


def build_gated(
    settings: Settings, server: "Server[Any]", port: int, token: str, who: str
) -> ASGIApp:
    """The application behind its gate; `who` has the token of the start."""
    keys = Keys(token, Person(who), RoleBook(settings.roles_file))
    origins = list_origins(str(port), settings)
    return Gate(make_http_app(server), origins, keys, "daguerre_mcp", ASK_FOR_TOKEN)
