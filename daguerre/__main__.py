"""`python -m daguerre`: the same command without the installed script."""

from daguerre import main

main()
