"""MLflow's page as it opens here: on experiments and runs, without the notices of a first visit.

MLflow keeps what a visitor has chosen or closed in the browser, and its server has no setting for that. So the page
brings a first choice along. What a visitor chooses afterwards stays.
"""

import json
from pathlib import Path

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# as MLflow's page writes them: a name and its version
_CHOICES = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.telemetry.info.alert.dismissed_v1": "true",
    "mlflow.settings.telemetry.enabled_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}
_SCRIPT = """<script>
for (const [name, value] of Object.entries(CHOICES))
  if (localStorage.getItem(name) === null) localStorage.setItem(name, value);
if (["", "#", "#/"].includes(location.hash)) location.replace("#/experiments");
</script>"""


class OpenOnRuns:
    """MLflow's application; `index` is the file of its page, which is answered from here."""

    def __init__(self, app: ASGIApp, index: Path) -> None:
        self._app = app
        self._page = add_choices(index.read_text())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page, or hand on."""
        is_page = scope["type"] == "http" and scope["path"] == "/"
        if is_page and scope["method"] == "GET":
            headers = {"Cache-Control": "no-store", "X-Frame-Options": "SAMEORIGIN"}
            await HTMLResponse(self._page, headers=headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def add_choices(page: str) -> str:
    """The page with the choices, before any script of its own. Raises ValueError for one without a head."""
    if "<head>" not in page:
        raise ValueError(
            "MLflow's page has no <head>: install the locked MLflow, or another Daguerre"
        )
    script = _SCRIPT.replace("CHOICES", json.dumps(_CHOICES))
    return page.replace("<head>", f"<head>{script}", 1)
