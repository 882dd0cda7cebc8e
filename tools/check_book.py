"""Check the built book (see `main`)."""
