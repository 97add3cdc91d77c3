"""Look at the frames of a home: an index of all of them in memory, and what is shown of one.

Belongs here: reading. Does not: HTTP, who may ask, and what people write, which goes through `assets.annotation`.
"""
