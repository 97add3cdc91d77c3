"""Why a run failed or a session is held back: the cause by rules, the evidence, what helps, what it stopped besides.

Belongs here: reading what is stored and naming causes. Does not: mending; that is a command, or a proposal of one.
"""
