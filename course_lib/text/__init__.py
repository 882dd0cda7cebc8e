"""Strings and ids: tokenisers, vocabularies, text metrics."""
