"""The rung above the rules: a language model of the user's own, which may call the same tools and is never believed.

Belongs here: which model, what it costs at most, what is sent to it, and which of its sentences are shown. Does not:
tools, and the rules, which are asked first. Nothing here carries anything out.
"""
