"""Typed questions about a home and what a program may propose to do with it, for people, scripts and models.

Belongs here: tools, what they answer, proposals, who asked what, the server and the rules that call tools. Does not: a
language model, and work: a tool asks what the verbs ask, and what is done a verb does that a person approved.
"""
