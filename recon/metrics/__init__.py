"""Scores against a truth."""
