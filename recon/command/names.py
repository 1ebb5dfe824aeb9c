"""Names of folders: short, legal on every system, and different from each other."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

LONGEST = 60  # characters
# Where and how a run goes, and not what it computes.
_NEVER = ("input", "output", "resume")
_MINOR = ("threads", "memory_gb", "report", "also", "plugins")
_ILLEGAL = re.compile(r"[^\w.=,+-]+")
# Windows keeps these for itself, with any suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DEEPEST = 4  # parts of a path that are looked at for a difference


def folder_name(text: str, other: str = "series") -> str:
    """``text`` as the name of a folder; ``other`` where nothing of it is left."""
    name = _ILLEGAL.sub("_", unicodedata.normalize("NFC", text))[:LONGEST].strip(" ._") or other
    return f"{name}_" if _DEVICES.fullmatch(name) else name


def series_names(given: Sequence[tuple[str, str]], taken: Collection[str] = ()) -> tuple[str, ...]:
    """A folder's name for each (name, name of the parent): the name; of those who share it,
    parent_name, or name_1, name_2, ... where the parents share theirs, too.

    ``taken``: names that may not be used. Two names that differ only in case count as one, as they
    do on macOS and Windows.
    """
    names = [folder_name(name) for name, _ in given]
    longer = [folder_name(f"{parent[:20]}_{name}") for name, parent in given]
    count, longer_count = Counter(map(_key, names)), Counter(map(_key, longer))
    found, used = [], {_key(n) for n in taken}
    for name, more, (_, parent) in zip(names, longer, given, strict=True):
        shared = count[_key(name)] > 1
        by_parent = shared and bool(parent) and longer_count[_key(more)] == 1
        base = more if by_parent else name
        wanted, number = (f"{base}_1", 1) if shared and not by_parent else (base, 1)
        while _key(wanted) in used:
            number += 1
            wanted = f"{base}_{number}"
        used.add(_key(wanted))
        found.append(wanted)
    return tuple(found)


def what_differs(runs: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """For each of the runs of one series, given as option -> value, the options that are not the
    same in all: ``algorithm=tv``, ``n_iterations=50``; of a path, as much of its end as tells.

    Where nothing differs (one run, or one twice), what was chosen.
    """
    keys = [k for k in dict.fromkeys(k for run in runs for k in run) if _counts(k)]
    differing = [k for k in keys if len({run.get(k) for run in runs}) > 1]
    shown = differing or [k for k in keys if k not in _MINOR]
    words = Counter(k.rpartition(".")[2] for k in shown)
    labels = {k: w if words[w := k.rpartition(".")[2]] == 1 else k for k in shown}
    values = {k: _brief([run[k] for run in runs if k in run]) for k in shown}
    return tuple(
        ",".join(f"{labels[k]}={values[k][run[k]]}" for k in shown if k in run) or "run"
        for run in runs
    )


def run_folders(labels: Sequence[str]) -> tuple[str, ...]:
    """Folders of the runs of one series, numbered, so that they are different and in order."""
    digits = len(str(max(len(labels) - 1, 0)))
    return tuple(f"{k:0{digits}d}_{folder_name(label, 'run')}" for k, label in enumerate(labels))


def _counts(key: str) -> bool:
    return key not in _NEVER and not key.startswith("hydra.")


def _brief(values: Sequence[str]) -> dict[str, str]:
    """Each value as it is, but for paths: the last parts, as few as keep different ones
    different."""
    distinct = list(dict.fromkeys(values))
    for parts in range(1, _DEEPEST + 1):
        short = {value: _last_parts(value, parts) for value in distinct}
        if len(set(short.values())) == len(distinct):
            return short
    return {value: _last_parts(value, 1) for value in distinct}


def _last_parts(value: str, parts: int) -> str:
    texts = [text.strip().strip("'\"") for text in value.strip("[]").split(",")]
    return "+".join("_".join(re.split(r"[/\\]+", t.rstrip("/\\"))[-parts:]) for t in texts)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
