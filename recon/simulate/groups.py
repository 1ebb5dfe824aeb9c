"""Options that come in groups: what was given in a group's place is one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from recon.errors import UserError


def check_groups(owner: str, /, **groups: tuple[object, type[Any]]) -> None:
    """Raise ``UserError`` for a group ``owner.NAME`` that is not of its class, such as
    ``simulate.beads=20``."""
    for name, (given, kind) in groups.items():
        if not isinstance(given, kind):
            first = fields(kind)[0]
            raise UserError(
                f"{owner}.{name}={given} given, its options wanted one by one, such as "
                f"{owner}.{name}.{first.name}={first.default}"
            )
