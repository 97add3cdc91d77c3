"""What happened in a home since it was told last, and what waits for a person, each with the command for it.

Belongs here: what is told, once. Does not: judging it, and the whole state of the home, which `daguerre status` has.
"""
