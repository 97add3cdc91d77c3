"""The exam of whatever answers questions about a home: it is made from the home, and other code counts what is right.

Belongs here: questions, what is right, marks, what is kept of them. Does not: answering.
"""
