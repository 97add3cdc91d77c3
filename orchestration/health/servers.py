"""Try the servers of the settings.

Of an MLflow server: ask for its registry, make a registered model of a name of its own, and delete it. Of a cluster of
Ray: join it and leave it.
"""

import base64
import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping

from assets.addresses import hide
from assets.cluster.connection import SETTING
from orchestration.health.finding import Finding
from orchestration.profiles import Settings

_ANSWER_S = 30  # a server that is new makes its tables at the first question
_API = "api/2.0/mlflow/registered-models"
_LOGIN = "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
_REMEDIES = {
    401: _LOGIN,
    403: f"{_LOGIN}, and what this user may do; a server also refuses names that its --allowed-hosts lacks",
    404: "name the address of an MLflow server, without a path",
}
_NO_SERVER = "start the server, or check host and port"


def try_mlflow(name: str, address: str, is_brief: bool = False) -> Finding:
    """What the server lets this user do. `is_brief`: only whether it answers."""
    model = {"name": f"daguerre-health-{uuid.uuid4().hex}"}
    steps = (
        ("read", "GET", "search?max_results=1", None),
        ("write", "POST", "create", model),
        ("delete", "DELETE", "delete", model),
    )
    may: list[str] = []
    for verb, method, path, content in steps[:1] if is_brief else steps:
        try:
            _ask(f"{address.rstrip('/')}/{_API}/{path}", method, content)
        except urllib.error.HTTPError as error:
            lacks = f"may not {verb} (HTTP {error.code})"
            remedy = _REMEDIES.get(error.code, "see the log of the server")
            return Finding(name, hide(address), tuple(may), lacks, remedy)
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "reason", error))
            return Finding(name, hide(address), tuple(may), reason, _NO_SERVER)
        may.append(verb)
    return Finding(name, hide(address), tuple(may))


def _ask(url: str, method: str, content: Mapping[str, str] | None) -> None:
    data = None if content is None else json.dumps(content).encode()
    headers = {"Content-Type": "application/json", **_authorise()}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
        json.loads(answer.read())


def _authorise() -> dict[str, str]:
    """As MLflow's own client does, from the environment."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if user:
        password = os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {token}"} if token else {}


def try_ray(settings: Settings) -> Finding:
    """Whether this machine can work on the cluster of the settings, by the code that is here."""
    from orchestration.cluster import require_cluster

    address = settings.workspace.ray_address or ""
    try:
        require_cluster(settings)
    except ValueError as error:
        told = str(error).removeprefix(f"{SETTING}={address!r}: ")
        lacks, _, remedy = told.rpartition(": ")
        return Finding("Ray", address, lacks=lacks, remedy=remedy)
    return Finding("Ray", address, ("join",))
