"""A verb run from within this process, as a person's command: what it says as JSON, and its exit code."""

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout

from orchestration.agent.world import Done


def run_verb(words: Sequence[str]) -> Done:
    """The verb of these words, with --json. Progress goes to stderr. Raises what the verb raises."""
    from orchestration.cli import app

    said = io.StringIO()
    with redirect_stdout(said):
        exit_code = app([*words, "--json"], standalone_mode=False, prog_name="daguerre")
    text = said.getvalue()
    return Done(exit_code or 0, json.loads(text) if text.strip() else None)
