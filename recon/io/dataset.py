"""Which of several stacks in one file: ``dataset=``."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from recon.errors import UserError


def choose_dataset(names: Sequence[str], dataset: str | None, *, name: str) -> int:
    """The index of the stack that ``dataset`` names, wholly or by its last part, or counts from 0;
    of the only one there is where nothing is said.

    ``names``: of the stacks in the file ``name``. Raises ``UserError``, with all names, when
    several are there and none is chosen, and for a name that is not there.
    """
    if len(set(names)) < len(names):  # several stacks of one name
        names = [f"{n} {i}" for i, n in enumerate(names)]
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    if dataset is None:
        if len(names) == 1:
            return 0
        raise UserError(
            f"{name} holds {len(names)} stacks ({listed}), one tilt series wanted; choose one with "
            f"dataset=, for example dataset={names[0]}"
        )
    wanted = str(dataset).strip().lower()
    for spelled in (names, [n.rsplit("/", 1)[-1] for n in names]):
        if len(found := [i for i, n in enumerate(spelled) if n.lower() == wanted]) == 1:
            return found[0]
    if wanted.isdigit() and int(wanted) < len(names):
        return int(wanted)
    close = get_close_matches(wanted, [n.lower() for n in names], n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise UserError(
        f"dataset={dataset} given, but {name} holds {listed}{hint}; choose one of these"
    )
