"""Say in one line what went wrong and what helps: words that do not fit a verb, and what the system refuses."""

import errno
import os
from typing import Any

from typer.exceptions import TyperException

_NO_FOLDER = "is a file, and a folder belongs there: name another place"
_NOT_ALLOWED = "may not be used by this user: name another place, or grant permission"
_NO_BRACES = str.maketrans("", "", "{}")  # Typer's, around what is required
_SYSTEM = {
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EISDIR: "is a folder, and a file belongs there: name a file in it",
    errno.ENOENT: "does not exist, or cannot be made: check the path",
    errno.ENOTEMPTY: "is a folder with something in it: name another place",
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: "lies on a disk that cannot be written to: name another place",
    errno.ENOSPC: "lies on a disk that is full: make room, or name another place",
}


def show_help(error: Exception) -> bool:
    """Show the help of a group of verbs that was called without one. False for any other mistake."""
    show = getattr(error, "show", None)
    if type(error).__name__ != "NoArgsIsHelpError" or show is None:
        return False
    show()
    return True


def explain_words(error: TyperException) -> str:
    """What is wrong with the words of a call, and where the right ones are listed."""
    said = str(getattr(error, "format_message", error.__str__)())
    context: Any = getattr(error, "ctx", None)
    told = " ".join(said.split()).removesuffix(".")
    if context is None:
        return told
    form = _tell_form(context) if "argument" in told else ""
    return f"{told} ({form}`{context.command_path} --help` lists what there is)"


def explain_system(error: OSError) -> str:
    """What the operating system refuses, by place and what helps; what somebody has put into words stays so."""
    place = error.filename2 or error.filename
    is_bare = error.errno is not None and error.strerror == os.strerror(error.errno)
    if not is_bare or place is None or error.errno not in _SYSTEM:
        return str(error)
    return f"{os.fsdecode(place)} {_SYSTEM[error.errno]}"


def _tell_form(context: Any) -> str:
    """How the arguments of a verb stand in a call; nothing of a group of verbs, and of a verb without arguments."""
    pieces = context.command.collect_usage_pieces(context)[1:]  # [OPTIONS] is first
    if not pieces or hasattr(context.command, "commands"):
        return ""
    words = " ".join([context.command_path, *pieces])
    return f"it is `{words.translate(_NO_BRACES)}`; "
