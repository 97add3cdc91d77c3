"""Daguerre's readers beside the readers that people use, row by row.

Belong here: the inputs, what each side makes of them, and every difference that is meant, by name and with its reason.
Does not: a second way to read. The files `by_*` run in an environment of their own, without Daguerre's packages.
"""
