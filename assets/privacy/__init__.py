"""What keeps people in pictures from being known: a session's policy, its sealed originals, its covered pictures."""
