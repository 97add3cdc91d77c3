"""What keeps people in pictures from being known: the policy of a session, its sealed originals, their covered pictures."""
