"""How `daguerre ask` learns what people mean: examples by kind of question, and the model made of them.

Belongs here: examples, fitting. Does not: answering, which `orchestration.agent.asking` does with what was learnt.
"""
