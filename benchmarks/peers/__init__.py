"""Codes that a user could take instead of ours, a file each: what of each is timed."""
