"""``--version``: what a bug report has to say."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import recon


def version_text() -> str:
    """Tiltwise, Python, and torch, which is not imported for it."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "not installed"
    return f"tiltwise {recon.__version__} (python {platform.python_version()}, torch {torch})"
