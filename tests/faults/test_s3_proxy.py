"""The proxy fails the request that it was told to fail, in the way that it was told."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.prove.s3_proxy import FAULTS, S3Proxy


class Store(BaseHTTPRequestHandler):
    """Keeps what is put, and gives it back."""

    protocol_version = "HTTP/1.1"
    kept: dict[str, bytes]

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(self.kept[self.path])

    do_HEAD = do_GET

    def answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kept() -> dict[str, bytes]:
    return {"/b/there": b"0123456789"}


@pytest.fixture
def proxy(kept) -> Iterator[S3Proxy]:
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("OneStore", (Store,), {"kept": kept})
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    with S3Proxy(f"http://127.0.0.1:{server.server_address[1]}") as made:
        yield made
    server.shutdown()
    server.server_close()
    thread.join()


def send(
    proxy: S3Proxy, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes] | str:
    connection = http.client.HTTPConnection(
        proxy.endpoint.removeprefix("http://"), timeout=10
    )
    try:
        connection.request(method, path, body)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (http.client.HTTPException, ConnectionError) as error:
        return type(error).__name__
    finally:
        connection.close()


def test_without_a_fault_requests_pass_and_are_counted(proxy):
    proxy.arm()
    assert send(proxy, "PUT", "/b/x", b"abc") == (200, b"")
    assert send(proxy, "GET", "/b/x") == (200, b"abc")
    assert send(proxy, "HEAD", "/b/x") == (200, b"")
    assert (
        proxy.requests == ["PUT /b/x", "GET /b/x", "HEAD /b/x"] and proxy.injected == ""
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_fails_before_or_after_it_was_applied(proxy, kept, fault):
    is_applied = fault in ("error_after_apply", "lost_reply", "truncated_body")
    proxy.arm(fault, 2)
    send(proxy, "PUT", "/b/first", b"1")
    answer = send(proxy, "PUT", "/b/second", b"2")
    send(proxy, "PUT", "/b/third", b"3")
    assert (("/b/second" in kept), proxy.injected) == (is_applied, "PUT /b/second")
    assert {"/b/first", "/b/third"} <= set(kept)
    statuses = {"slow_down": 503, "error_after_apply": 500}
    assert (
        answer[0] == statuses[fault] if fault in statuses else isinstance(answer, str)
    )


def test_a_reply_breaks_off_in_its_body(proxy):
    proxy.arm("truncated_body", 1)
    assert send(proxy, "GET", "/b/there") in ("IncompleteRead", "ConnectionResetError")
    assert send(proxy, "GET", "/b/there") == (200, b"0123456789")


def test_requests_fail_in_a_row_and_then_pass(proxy, kept):
    proxy.arm("slow_down", 2, num=3)
    statuses = [send(proxy, "PUT", f"/b/{n}", b"x")[0] for n in range(1, 7)]
    assert statuses == [200, 503, 503, 503, 200, 200]
    assert set(kept) == {"/b/there", "/b/1", "/b/5", "/b/6"}
    assert proxy.injected == "PUT /b/2"


def test_a_fault_that_is_none_is_refused(proxy):
    with pytest.raises(ValueError, match="there is no fault 'fire'"):
        proxy.arm("fire", 1)
