"""Tell people elsewhere: one text to a webhook, in the form that Slack's incoming webhooks take.

The address is a secret, and stands in no log, no error and no table.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

_TIMEOUT_S = (3.05, 5.0)  # to connect, to answer
_TRIES = 2  # in a row; the next look tries again
_MAX_CHARS = 3000
_log = logging.getLogger("daguerre.alarms")


@dataclass(frozen=True)
class Webhook:
    """An address that takes POST requests with `{"text": ...}`."""

    url: str = field(repr=False)

    def tell(self, text: str) -> bool:
        """Whether it has taken the text. Waits for seconds at most, and follows no redirect."""
        import requests

        body = {"text": _escape(text[:_MAX_CHARS])}
        fault = ""
        for _ in range(_TRIES):
            try:
                answer = requests.post(
                    self.url, json=body, timeout=_TIMEOUT_S, allow_redirects=False
                )
            except requests.RequestException as error:
                fault = type(error).__name__  # whose text has the address
                continue
            if answer.status_code < 300:
                return True
            fault = f"it answered {answer.status_code}"
            if answer.status_code < 500:
                break
        _log.warning(
            f"the alarm webhook did not take an alarm: {fault}; it is tried again at the next look"
        )
        return False


def _escape(text: str) -> str:
    """As Slack asks for: names of foreign sensors and sessions are no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
