"""Licence, purposes and end of consent of sessions and captures: what was stated, what a team allows, what follows.

Belongs here: statements, the policy, and how one is held against the other. Does not: releases, and who asks.
"""
