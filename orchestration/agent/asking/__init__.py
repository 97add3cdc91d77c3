"""Questions in plain words, answered by a grammar and by what was learnt of how people ask: offline, always the same.

Belongs here: which tool a question means, and with which arguments. Does not: what tools say, and learning: a question
that no tool answers is told so.
"""
