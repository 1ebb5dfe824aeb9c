"""Finished runs -> one self-contained page."""
