"""Start Daguerre from wherever it is installed, with its own code first on the path.

The code is four packages of common names. Installed, they lie in a folder of this one, which alone is a name in
site-packages; in a checkout they lie beside it. Belongs here: finding them, here and in children. Not: any verb.
"""

from daguerre.code_path import put_code_first


def main() -> None:
    """Run the `daguerre` command."""
    put_code_first()
    from orchestration.cli import main as run

    run()
