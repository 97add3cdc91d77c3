"""Questions in plain words, answered by rules alone: exact, offline, the same answer each time.

Belongs here: which tool a question means, and with which arguments. Does not: what tools say, and guessing: a question
that no tool answers is told so.
"""
