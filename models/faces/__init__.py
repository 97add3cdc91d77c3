"""Faces in pictures: found, followed through a recording, and covered so that nobody is known by them."""
