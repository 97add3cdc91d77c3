"""The exam of whatever answers questions about a home: made from the home, whose right answers are counted by other code.

Belongs here: questions, what is right, marks, what is kept of them. Does not: answering.
"""
