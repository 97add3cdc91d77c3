"""Ray, for all stages: the cluster that is joined or started, what runs on it, and what its workers say.

Belongs here: whatever knows of machines and processes. Does not: what is computed there, which its stage hands over.
"""
