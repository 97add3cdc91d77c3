"""A small HTTP proxy on loopback before an object store, which fails one request of its choice, or some in a row.

Requests are counted from `arm` on. The faults are what a client of a real store meets: a connection that is reset
before the request arrives, 503 Slow Down, 500 after the request was applied, a reply that never comes although the
request was applied, and a reply that breaks off in its body.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FAULTS = ("reset", "slow_down", "error_after_apply", "lost_reply", "truncated_body")

_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "proxy-connection"}
_ERROR = (
    b"<?xml version='1.0'?><Error><Code>%s</Code><Message>injected</Message></Error>"
)
_TIMEOUT_S = 60


class S3Proxy:
    """`with S3Proxy("http://127.0.0.1:9000") as proxy:` then clients use `proxy.endpoint`."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.requests: list[str] = []  # "PUT /bucket/key", since `arm`
        self._fault = ""
        self._failing = range(0)  # their numbers
        self._lock = threading.Lock()
        # the first request that was failed, and when
        self.injected = ""
        self.injected_s = 0.0
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def __enter__(self) -> S3Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def arm(self, fault: str = "", at: int = 0, num: int = 1) -> None:
        """Count from 1 again, and fail `num` requests from number `at` on; with no fault only count."""
        if fault and fault not in FAULTS:
            raise ValueError(
                f"there is no fault '{fault}': the faults are {', '.join(FAULTS)}"
            )
        with self._lock:
            self.requests = []
            self.injected = ""
            self.injected_s = 0.0
            self._fault = fault
            self._failing = range(at, at + num)

    def choose(self, request: str) -> str:
        """Count the request and say what befalls it."""
        with self._lock:
            self.requests.append(request)
            if not self._fault or len(self.requests) not in self._failing:
                return ""
            if not self.injected:
                self.injected = request
                self.injected_s = time.monotonic()
            return self._fault


class _Handler(BaseHTTPRequestHandler):
    proxy: S3Proxy
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self._read_body()
        fault = self.proxy.choose(f"{self.command} {self.path.split('?')[0]}")
        if fault == "reset":
            return self._reset()
        if fault == "slow_down":
            return self._reply(503, [], _ERROR % b"SlowDown")
        status, headers, data = self._forward(body)
        if fault == "error_after_apply":
            return self._reply(500, [], _ERROR % b"InternalError")
        if fault == "lost_reply":
            return self._reset()
        if fault == "truncated_body":
            return self._break_off(status, headers, data)
        self._reply(status, headers, data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        store = self.proxy.upstream
        connection = http.client.HTTPConnection(
            store.hostname or "", store.port, timeout=_TIMEOUT_S
        )
        headers = {
            k: v
            for k, v in self.headers.items()
            if k.lower() not in {*_HOP_HEADERS, "content-length"}
        }
        try:
            connection.request(
                self.command,
                self.path,
                body or None,
                {**headers, "Content-Length": str(len(body))},
            )
            reply = connection.getresponse()
            data = reply.read()
            return (
                reply.status,
                [
                    (k, v)
                    for k, v in reply.getheaders()
                    if k.lower() not in _HOP_HEADERS
                ],
                data,
            )
        finally:
            connection.close()

    def _reply(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self._start_reply(status, headers, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)

    def _start_reply(
        self, status: int, headers: list[tuple[str, str]], size: int
    ) -> None:
        """A reply to HEAD keeps the store's own length: it tells the size of the object."""
        is_head = self.command == "HEAD"
        self.send_response_only(status)
        for name, value in headers:
            if is_head or name.lower() != "content-length":
                self.send_header(name, value)
        if not is_head and status != 204:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def _break_off(
        self, status: int, headers: list[tuple[str, str]], data: bytes
    ) -> None:
        """Half the body; of a reply without a body, the first letters of its head."""
        if len(data) > 1 and self.command != "HEAD":
            self._start_reply(status, headers, len(data))
            self.wfile.write(data[: len(data) // 2])
        else:
            self.wfile.write(b"HTT")
        self.wfile.flush()
        self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Nothing: the proxy keeps its own list of requests."""
