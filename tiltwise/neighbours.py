"""That ``recon`` and ``models`` are ours: packages of such names are common."""

from __future__ import annotations

import importlib.util
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]


def check_neighbours(names: tuple[str, ...] = ("recon", "models"), house: Path = HOUSE) -> None:
    """Raise ``ImportError``, in one sentence, where another package of that name is found first.

    ``house``: the folder that ours lie in, beside ``tiltwise``.
    """
    for name in names:
        found = importlib.util.find_spec(name)
        if found is None:
            raise ImportError(f"no package {name!r} is found; install Tiltwise again")
        where = Path(found.origin).resolve().parent if found.origin else None
        if where != house / name:
            place = where or next(iter(found.submodule_search_locations or []), "another place")
            raise ImportError(
                f"{place} is found under the name {name!r} where Tiltwise's own package was wanted; "
                "rename that folder, or start Python somewhere else"
            )
