"""Start Daguerre from wherever it is installed, with its own code first on the path.

The code is four packages of common names. Installed, they lie in a folder of this one, which alone is a name in
site-packages; in a checkout they lie beside it. Belongs here: finding them, here and in children. Not: any verb.
"""

import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
CODE = _HERE / "code" if (_HERE / "code").is_dir() else _HERE.parent


def main() -> None:
    """Run the `daguerre` command."""
    put_code_first()
    from orchestration.cli import main as run

    run()


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
