"""Ensembles: what several models know together."""
