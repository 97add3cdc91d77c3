"""Typed questions about a home and what a program may propose to do with it, for people, scripts and models.

Belongs here: tools, what they answer, proposals, who asked what, the servers and routers that call tools. Does not: a
language model, and any work: each tool asks what the verbs ask, and what is done is done by a verb that a person approved.
"""
