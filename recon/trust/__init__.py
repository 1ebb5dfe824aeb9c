"""Scores that need no truth: what withheld views say, what was measured and what was invented."""
