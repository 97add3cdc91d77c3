"""`python -m orchestration.cli`: the same command without the installed script."""

from orchestration.cli import main

main()
