"""A Label Studio server: projects made on it, pictures and tasks put there, annotations fetched with who made them.

Belongs here: its API over HTTP, as of release 1.21, and nothing else of the program. The server and its token come from
the environment: LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY. A personal access token is exchanged for a short one; a legacy
token, which a server has to allow, is sent as it is.
"""

import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

URL, KEY = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
_TIMEOUT_S = 120
_MOST_BYTES = 1 << 30  # of one answer
_SHOWN = 300  # characters of what a server says of a mistake


class ServerRefused(ValueError):
    """The server cannot be reached, or does not do what it was asked."""


class ProjectDeleted(ServerRefused):
    """The server has no project of that number any more."""


@dataclass(frozen=True)
class Person:
    """Who annotated, by the number that the server has for them."""

    number: int
    name: str


@dataclass
class LabelStudio:
    """One server. The token is in no message and no representation."""

    url: str
    token: str = field(repr=False)
    _header: str = field(default="", repr=False)

    def make_project(self, title: str, interface: str, instruction: str) -> int:
        """The number of a new project with this labelling interface; the instruction is shown where there is one."""
        facts = {
            "title": title[:50],
            "label_config": interface,
            "expert_instruction": instruction,
            "show_instruction": bool(instruction),
            "show_collab_predictions": True,
        }
        return int(self._ask("POST", "/api/projects/", facts)["id"])

    def upload(self, project: int, name: str, content: bytes) -> str:
        """The address that a picture has on the server."""
        path = f"/api/projects/{project}/import?commit_to_project=false"
        made = self._ask("POST", path, _Form(name, content))
        (number,) = made["file_upload_ids"]
        stored = self._ask("GET", f"/api/import/file-upload/{number}")
        return f"/data/{stored['file']}"

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Put tasks into a project, with their predictions."""
        self._ask("POST", f"/api/projects/{project}/import", list(tasks))

    def export(self, project: int) -> list[dict[str, Any]]:
        """All tasks with their annotations, as the format JSON has them. Raises ProjectDeleted."""
        path = f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true"
        found: list[dict[str, Any]] = self._ask("GET", path)
        return found

    def list_predictions(self, task: int) -> list[dict[str, Any]]:
        """What models propose of a task."""
        found: list[dict[str, Any]] = self._ask("GET", f"/api/predictions/?task={task}")
        return found

    def annotate(self, task: int, results: Sequence[Mapping[str, Any]]) -> int:
        """Submit an annotation of a task, as who the token is of; its number."""
        made = self._ask(
            "POST", f"/api/tasks/{task}/annotations/", {"result": list(results)}
        )
        return int(made["id"])

    def list_people(self) -> dict[int, Person]:
        """Everybody who has an account, by number."""
        found = self._ask("GET", "/api/users/")
        users = found.get("results", []) if isinstance(found, dict) else found
        return {
            int(user["id"]): Person(int(user["id"]), _name_user(user)) for user in users
        }

    def address_of(self, project: int) -> str:
        """Where people find a project."""
        return f"{self.url}/projects/{project}/"

    def find_project(self, address: str) -> int | None:
        """The number of a project by the address that it had; None for one that is elsewhere."""
        number = address.removeprefix(f"{self.url}/projects/").strip("/")
        return int(number) if number.isdecimal() else None

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        self._header = self._header or self._authorize()
        return self._send(method, path, body, {"Authorization": self._header})

    def _authorize(self) -> str:
        # a personal access token is a JSON web token: three parts
        if self.token.count(".") != 2:
            return f"Token {self.token}"
        answer = self._send("POST", "/api/token/refresh", {"refresh": self.token}, {})
        return f"Bearer {answer['access']}"

    def _send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> Any:
        form = body if isinstance(body, _Form) else None
        data = form.encode() if form else json.dumps(body).encode()
        kind = form.kind if form else "application/json"
        request = urllib.request.Request(
            self.url + path,
            data if body is not None else None,
            {**headers, "Content-Type": kind, "Accept": "application/json"},
            method=method,
        )
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                content = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            said = error.read(4 * _SHOWN).decode(errors="replace")[:_SHOWN]
            is_gone = error.code == 404 and path.startswith("/api/projects/")
            raise (ProjectDeleted if is_gone else ServerRefused)(
                f"{self.url}{path}: HTTP {error.code}: {said}{_find_remedy(error.code)}"
            ) from None
        except OSError as error:
            raise ServerRefused(
                f"{self.url} does not answer ({error}): start Label Studio, or set {URL}"
            ) from None
        if len(content) > _MOST_BYTES:
            raise ServerRefused(f"{self.url}{path}: answers with more than 1 GiB")
        return json.loads(content or b"null")


def open_label_studio() -> LabelStudio:
    """The server of the environment. Raises ValueError where nothing says which, or with what token."""
    url, token = os.environ.get(URL, ""), os.environ.get(KEY, "")
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"{URL} is {url!r}: set it, as in http://127.0.0.1:8080")
    if not token:
        raise ValueError(
            f"{KEY} is not set: make a token under Account & Settings of Label Studio"
        )
    return LabelStudio(url.rstrip("/"), token)


class _SameServer(urllib.request.HTTPRedirectHandler):
    """Follows nobody to another server: the token is for one."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            raise ServerRefused(f"{req.full_url}: sends on to another server, {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_SameServer)


@dataclass(frozen=True)
class _Form:
    """A file as multipart/form-data (RFC 7578)."""

    name: str
    content: bytes
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def kind(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def encode(self) -> bytes:
        head = (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{self.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        return head.encode() + self.content + f"\r\n--{self.boundary}--\r\n".encode()


def _name_user(user: Mapping[str, Any]) -> str:
    return str(user.get("email") or user.get("username") or f"user {user['id']}")


def _find_remedy(code: int) -> str:
    if code in (401, 403):
        return (
            f"; {KEY} is not accepted: take a personal access token, or let the organization "
            "of Label Studio allow legacy tokens"
        )
    return ""
