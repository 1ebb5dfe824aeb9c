"""Stages that apply a network to our data objects; the networks themselves are in ``models``."""
