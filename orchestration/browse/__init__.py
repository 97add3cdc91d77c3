"""The frame browser over HTTP, and its page.

Belongs here: routes, what a request may hold, how answers and refusals are written, start and end of the server.
Does not: what is read (`assets.browsing`), and who may come in (`orchestration.gate`).
"""
