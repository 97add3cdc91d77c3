"""Which privacy policy a session is under: its own `daguerre.yaml` says it, or that of its source, or it is known.

Once frames were taken in under a policy it holds on: what stands in its place may be another, never none. Settings that
cannot be read, or that lie where nobody reads them, and speak of privacy stop the intake, which would else take in what
they were to keep from view.
"""

from __future__ import annotations

from collections.abc import Iterable

from assets.formats.layout import name_of
from assets.formats.protocol import UnreadableBytes, read_bytes
from assets.formats.session_settings import (
    SETTINGS_NAME,
    SessionSettings,
    parse_settings,
)
from assets.formats.strict_yaml import MAX_YAML_BYTES
from assets.privacy.policy import PrivacyPolicy, read_text
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog, session_is
from assets.tables.schemas import TABLES, to_table

_TABLE = "privacy_policies"
_WORD = b"privacy"
_MISTAKEN = "daguerre.yml"  # for `SETTINGS_NAME`, in whatever case


def find_policy(
    catalog: Catalog, session: str, source: Folder, files: Iterable[SessionFile]
) -> PrivacyPolicy | None:
    """The policy that the session's frames, which are in `files`, are to be taken in under.

    Raises ValueError for settings that are none, or that nobody reads.
    """
    _require_read(source, files)
    for place in (source, source.above()):
        settings = SessionSettings() if place is None else _read(place)
        if settings.says_privacy:
            return settings.privacy or read_policy(catalog, session)
    return read_policy(catalog, session)


def read_policy(catalog: Catalog, session: str) -> PrivacyPolicy | None:
    """The policy that the session was taken in under before."""
    rows = catalog.read_latest(_TABLE, ["policy"], session_is(session))["policy"]
    return read_text(rows[0].as_py()) if len(rows) else None


def note_policy(catalog: Catalog, session: str, policy: PrivacyPolicy) -> None:
    """Let everybody know it before the first frame is written."""
    if read_policy(catalog, session) != policy:
        row = {"session": session, "policy": policy.text}
        catalog.upsert(_TABLE, to_table(TABLES[_TABLE], [row]))
        catalog.sync([_TABLE])


def _read(place: Folder) -> SessionSettings:
    """Settings without a word of privacy that cannot be read are told where they are read for themselves."""
    file = place.find(SETTINGS_NAME)
    if file is None:
        _require_read(place, [found for found in [place.find(_MISTAKEN)] if found])
        if place.leads_out(SETTINGS_NAME):
            raise ValueError(
                f"{place.uri}/{SETTINGS_NAME} is a link out of its folder, which nobody follows, and may speak of "
                "privacy: put the file itself there, or remove the link"
            )
        return SessionSettings()
    data = b""
    try:
        data = read_bytes(file, place.open, MAX_YAML_BYTES)
        return parse_settings(data)
    except (UnreadableBytes, ValueError) as error:
        if data and not _speaks_of_privacy(data):
            return SessionSettings()
        raise ValueError(
            f"{place.uri}/{SETTINGS_NAME} may speak of privacy and cannot be read: {error}"[
                :500
            ]
            + ": mend it, or remove it"
        ) from error


def _require_read(place: Folder, files: Iterable[SessionFile]) -> None:
    """Raises ValueError where one of the files has the name of settings, speaks of privacy, and is not read as such."""
    for file in files:
        name = name_of(file.path).lower()
        if file.path == SETTINGS_NAME or name not in (SETTINGS_NAME, _MISTAKEN):
            continue
        try:
            speaks = _speaks_of_privacy(read_bytes(file, place.open, MAX_YAML_BYTES))
        except UnreadableBytes:
            speaks = True  # for all that is known
        if speaks:
            raise ValueError(
                f"{place.uri}/{file.path} may speak of privacy, and is not read: settings of a session lie in "
                f"{SETTINGS_NAME} at its top, or in the folder above: move it there, or remove it"
            )


def _speaks_of_privacy(data: bytes) -> bool:
    """In whatever case and encoding: who writes `Privacy: true` wants it."""
    return _WORD in data.replace(b"\0", b"").lower()
