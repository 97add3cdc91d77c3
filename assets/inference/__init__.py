"""A trained model as files, and its answers on stored frames: what training, evaluation and monitoring share.

Belongs here: the model package, and predicting frames with it. Does not: training, scoring, deciding.
"""
