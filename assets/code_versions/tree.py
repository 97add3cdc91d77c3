"""The sources of the project: of the folder that runs, or of a commit, without a checkout."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "assets",
    "models",
)  # what makes rows lies in these, and imports nothing of the other folders
_SECONDS = 60


class Tree(Protocol):
    """Modules by their dotted name."""

    def read(self, module: str) -> tuple[str, bool] | None:
        """Its source, and whether it is a package; None where there is no such module."""

    def below(self, module: str) -> list[str]:
        """The modules right below a package, in order."""


class FolderTree:
    """The modules below a folder."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._places: dict[str, Path] | None = None

    def read(self, module: str) -> tuple[str, bool] | None:
        """Its source, and whether it is a package; None where there is no such module."""
        path = self._find().get(module)
        if path is None:
            return None
        return path.read_text(encoding="utf-8"), path.name == "__init__.py"

    def below(self, module: str) -> list[str]:
        """The modules right below a package, in order."""
        return _below(self._find(), module)

    def stamp(self) -> str:
        """Another one where a file was changed, by the measure by which Python compiles it anew: its time and size."""
        digest = hashlib.sha256()
        for module, path in sorted(self._find().items()):
            facts = path.stat()
            digest.update(f"{module} {facts.st_mtime_ns} {facts.st_size}\n".encode())
        return digest.hexdigest()

    def digest(self) -> str:
        """Of all names and sources: equal on all machines that have the same."""
        digest = hashlib.sha256()
        for module, path in sorted(self._find().items()):
            digest.update(f"{module} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _find(self) -> dict[str, Path]:
        if self._places is None:
            self._places = {
                _name_module(path.relative_to(self.root).as_posix()): path
                for room in ROOMS
                for path in (self.root / room).rglob("*.py")
            }
        return self._places


class GitTree:
    """The modules of a commit of the repository that a folder is in.

    Raises ValueError, with the remedy, where there is no git, no repository, or no such commit.
    """

    def __init__(self, ref: str, root: Path = ROOT) -> None:
        self.ref = ref
        self._root = root
        if _run_git(root, ["rev-parse", "--git-dir"]) is None:
            raise ValueError(
                f"--base {ref!r}: {root} is in no git repository: run it in a checkout, or leave --base out"
            )
        wanted = ["rev-parse", "--verify", "--quiet", "--end-of-options"]
        found = _run_git(root, [*wanted, f"{ref}^{{commit}}"])
        if found is None:
            raise ValueError(
                f"--base {ref!r} is no commit here: give a branch, a tag or a commit that `git log` knows"
            )
        self.commit = found.decode().strip()
        self._sources = dict(self._read_all())

    def read(self, module: str) -> tuple[str, bool] | None:
        """Its source, and whether it is a package; None where there is no such module."""
        return self._sources.get(module)

    def below(self, module: str) -> list[str]:
        """The modules right below a package, in order."""
        return _below(self._sources, module)

    def read_file(self, path: str) -> bytes | None:
        """A file of the commit, by its path below the project; None where it has none."""
        return _run_git(self._root, ["cat-file", "blob", f"{self.commit}:./{path}"])

    def _read_all(self) -> Iterator[tuple[str, tuple[str, bool]]]:
        listed = _run_git(
            self._root, ["ls-tree", "-r", "-z", self.commit, "--", *ROOMS]
        )
        blobs: list[tuple[str, str]] = []
        for entry in (listed or b"").decode().split("\0"):
            facts, _, path = entry.partition("\t")
            if path.endswith(".py") and " blob " in facts:
                blobs.append((path, facts.split()[2]))
        wanted = "".join(f"{blob}\n" for _, blob in blobs).encode()
        content = _run_git(self._root, ["cat-file", "--batch"], wanted) or b""
        at = 0
        for path, _ in blobs:
            end = content.index(b"\n", at)
            size = int(content[at:end].split()[2])
            text = content[end + 1 : end + 1 + size].decode()
            at = end + 2 + size
            yield _name_module(path), (text, path.endswith("__init__.py"))


def _run_git(root: Path, words: Sequence[str], given: bytes = b"") -> bytes | None:
    """What git says on stdout; None where it refuses. Raises ValueError where there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise ValueError(
            "--base compares with a commit, and there is no git here: install it, or leave --base out"
        ) from error
    return done.stdout if done.returncode == 0 else None


def _name_module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _below(
    modules: dict[str, Path] | dict[str, tuple[str, bool]], module: str
) -> list[str]:
    depth = module.count(".") + 1
    return sorted(
        name
        for name in modules
        if name.startswith(f"{module}.") and name.count(".") == depth
    )
