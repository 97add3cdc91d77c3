"""Erase what a person names from every store of a home, along its lineage, and prove it.

Belongs here: what is of a subject, which stores hold it, the steps that take it out of each, the certificate. Does not:
taking rows out of the next release, which leaves bytes and can be undone (`assets.capture.forgetting`).
"""
