"""Figures for the book and for live notebooks."""
