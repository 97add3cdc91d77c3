"""Where Daguerre's own code lies, and how it comes first on the path, here and in children."""

import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
CODE = _HERE / "code" if (_HERE / "code").is_dir() else _HERE.parent


def put_code_first() -> None:
    """Let `assets`, `checks`, `models` and `orchestration` be ours, in this process and in all that it starts.

    Children are workers of Ray, servers of Dagster and the guard; `python -m` would search the working folder first.
    """
    sys.path.insert(0, str(CODE))
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(CODE), *([inherited] if inherited else [])]
    )
    os.environ["PYTHONSAFEPATH"] = "1"
