"""Why rows would be made anew: the words that a plan tells, and how much is compared to find out."""

MISSING = "missing"
INPUT = "another input"
CODE = "another code version"
ENCODER = "another encoder"
SELECTED = "selected"
UNVERSIONED = "code from before its versions were kept"
# rows whose hash is taken: beyond, whether their input is another is not looked at
MAX_HASHED = 300_000
