"""What pages of others reach in the browser of somebody who has opened the link, and what names of others become."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import dagster as dg
import pytest

from tests.orchestration.test_strangers import SHOWN, describe_class
from tests.ui.test_asset_graph import call

pytestmark = pytest.mark.timeout(400)
RELEASE = dg.AssetKey(["registry", "recognition_release"])
ADD = """mutation { addDynamicPartition(partitionsDefName: "sessions", partitionKey: "KEY", repositorySelector: {
  repositoryName: "__repository__", repositoryLocationName: "orchestration.definitions"}) { __typename } }"""
# what a page may send unasked, answered or not
TRY = """async ([address, query]) => {
  const url = `${address}/graphql?query=${query}`;
  const body = new URLSearchParams({query: decodeURIComponent(query)});
  for (const options of [{method: 'POST'}, {method: 'POST', body}, {}])
    await fetch(url, {mode: 'no-cors', credentials: 'include', ...options}).catch(() => null);
}"""
SHOW = """async ([address, query]) => {
  const picture = new Image();
  await new Promise(done => {
    picture.onload = picture.onerror = done;
    picture.src = `${address}/graphql?query=${query}`;
  });
}"""
CONNECT = """address => new Promise(done => {
  const socket = new WebSocket(address.replace('http', 'ws') + '/graphql', 'graphql-ws');
  socket.onopen = () => socket.send(JSON.stringify({type: 'connection_init'}));
  socket.onmessage = event => done(JSON.parse(event.data).type);
  socket.onerror = () => done('refused');
})"""
POST = """query => fetch('/graphql', {method: 'POST', headers: {'Content-Type': 'application/json'},
  body: JSON.stringify({query})}).then(answer => answer.status)"""


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.cookies.append(self.headers.get("Cookie"))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[ThreadingHTTPServer]:
    """A server of somebody else on this machine, and the cookies that it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stranger)
    server.cookies = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def list_sessions(ui_home: Path) -> set[str]:
    with dg.DagsterInstance.from_config(str(ui_home / "dagster")) as instance:
        return set(instance.get_dynamic_partitions("sessions"))


def add(key: str) -> str:
    return ADD.replace("KEY", key)


def test_with_the_link_our_page_reads_changes_and_subscribes(
    ui, ui_home: Path, visitor
) -> None:
    page = visitor.new_page()
    page.goto(f"{ui['Dagster']}/?token={ui['token']}")
    assert ui["token"] not in page.url
    assert page.evaluate("document.cookie") == ""  # no script reads it
    assert page.evaluate(POST, add("by-our-page")) == 200
    assert page.evaluate(CONNECT, ui["Dagster"]) == "connection_ack"
    assert "by-our-page" in list_sessions(ui_home)


def test_one_link_opens_mlflow_too_on_its_runs(ui, visitor, screenshots: Path) -> None:
    page = visitor.new_page()
    page.goto(ui["MLflow"])
    page.get_by_text("Experiments").first.wait_for(timeout=60_000)
    assert page.get_by_text("Experiments").first.is_visible()
    page.get_by_text("Model training").first.wait_for(timeout=60_000)
    assert page.url.endswith("#/experiments"), "runs, no page about something else"
    page.wait_for_load_state("networkidle")
    page.screenshot(path=screenshots / "mlflow.png")
    for notice in (
        "Information about UI telemetry",
        "Ask questions about your experiments",
        "New to MLflow?",
    ):
        assert page.get_by_text(notice).count() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.invalid"])
def test_a_page_of_another_origin_changes_nothing(
    ui, ui_home: Path, visitor, elsewhere: ThreadingHTTPServer, host: str
) -> None:
    page = visitor.new_page()
    page.goto(f"http://{host}:{elsewhere.server_address[1]}/")
    # to a browser, all ports of this machine are one site: there it is the origin that keeps strangers out
    assert any(elsewhere.cookies) == (host == "127.0.0.1")
    there = [ui["Dagster"], quote(add("by-a-stranger"))]
    page.evaluate(TRY, there)
    page.evaluate(SHOW, there)
    assert page.evaluate(CONNECT, ui["Dagster"]) == "refused"
    assert "by-a-stranger" not in list_sessions(ui_home)


def test_a_picture_in_our_own_page_changes_nothing(ui, ui_home: Path, visitor) -> None:
    page = visitor.new_page()
    page.goto(ui["Dagster"])
    page.evaluate(SHOW, [ui["Dagster"], quote(add("by-a-picture"))])
    assert "by-a-picture" not in list_sessions(ui_home)


def test_without_the_link_there_is_a_page_that_names_it_and_nothing_else(
    ui, ui_home: Path, browser
) -> None:
    context = browser.new_context()
    page = context.new_page()
    for address in (ui["Dagster"], ui["MLflow"], f"{ui['Dagster']}/graphql"):
        assert page.goto(address).status == 401
        assert "open the link that `daguerre ui` printed" in page.content()
    answer = context.request.post(
        f"{ui['Dagster']}/graphql",
        data={"query": add("without-the-link")},
        headers={"Origin": ui["Dagster"]},
    )
    assert answer.status == 401
    assert "without-the-link" not in list_sessions(ui_home)
    context.close()


def test_another_name_of_this_machine_is_not_answered(ui, visitor) -> None:
    """The owner of a name may let it lead here, and would then share an origin with us."""
    port = urlsplit(ui["Dagster"]).port
    page = visitor.new_page()
    answer = page.goto(f"http://rebound.invalid:{port}/?token={ui['token']}")
    assert answer.status == 400
    assert visitor.cookies("http://rebound.invalid") == []


def test_names_of_others_become_no_element_of_a_page(
    ui, ui_home: Path, visitor, tmp_path: Path
) -> None:
    shown = describe_class(tmp_path / "model")
    report(ui_home, shown)
    model = {"name": "markers", "description": shown["card"]}
    call(ui, f"{ui['MLflow']}/api/2.0/mlflow/registered-models/create", model)
    page = visitor.new_page()
    release = f"{ui['Dagster']}/assets/registry/recognition_release"
    page.goto(f"{release}?view=overview")
    page.get_by_text("Show Markdown").click(timeout=60_000)
    assert_shown(page)
    page.goto(f"{release}?view=checks")
    assert_shown(page)
    page.get_by_text("Show Markdown").click(timeout=60_000)
    assert_shown(page)
    page.goto(f"{ui['MLflow']}/#/models/markers")
    assert_shown(page)


def assert_shown(page) -> None:
    """The page shows the name of the class as it is written, and no element is made of it."""
    page.locator("body").filter(has_text="<b>marker</b>").wait_for(timeout=60_000)
    assert page.locator("a[href*='example.invalid']").count() == 0
    assert page.locator("b, strong, em", has_text="marker").count() == 0
    assert SHOWN in " ".join(page.inner_text("body").split())


def report(ui_home: Path, shown: dict[str, str]) -> None:
    """What the registry's asset would tell Dagster of a model with the class."""
    card = {"model card": dg.MetadataValue.md(shown["card"])}
    verdict = dg.AssetCheckEvaluation(
        asset_key=RELEASE,
        check_name="challenger_meets_the_gate",
        passed=False,
        description=shown["check"],
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"examples": dg.MetadataValue.md(shown["examples"])},
    )
    with dg.DagsterInstance.from_config(str(ui_home / "dagster")) as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(RELEASE, metadata=card)
        )
        instance.report_runless_asset_event(verdict)


def test_no_log_holds_the_token(ui, ui_home: Path, visitor) -> None:
    """The visitor has opened the link, which holds it."""
    logs = {log.stem: log.read_text() for log in (ui_home / "logs").iterdir()}
    assert {"dagster", "dagster-code", "dagster-daemon", "mlflow"} <= logs.keys()
    assert [name for name, text in logs.items() if ui["token"] in text] == []
