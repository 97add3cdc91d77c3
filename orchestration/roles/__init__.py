"""Who may do what where a server stands between a person and the home's files.

Belongs here: rights, the roles that have them, the file that gives roles to people, and who a request comes from. Does
not: what is done with a right. Whoever can read the files of a home needs none of this.
"""
