"""How the id of a proposal is told from the name of a task."""

PREFIX = "P-"  # no task has a name like this
