"""The stage that joins what models found frame by frame to tracks."""
