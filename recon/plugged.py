"""Code from outside, by the name that a config has for it."""

from __future__ import annotations

from typing import Any

PLUGGED: dict[str, Any] = {}
"""Filled by ``recon/command/plugins.py``, from the command line and nothing else."""
