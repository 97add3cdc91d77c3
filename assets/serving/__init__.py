"""Serving: models that answer over HTTP, which version answers, and what is kept of the requests."""
