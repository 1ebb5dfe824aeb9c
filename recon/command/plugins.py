"""Code from outside, which the command line alone can opt in to: a file, or an installed package.

``plugins=[my_method.py]`` runs that file and offers what it declares; ``algorithm=NAME`` that is no
option of ours is looked for among the entry points of installed packages, and loaded only then. A
config file, a recipe or a record can do neither: they are data.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from recon.command.registry import CONFIGS
from recon.errors import UserError
from recon.plugged import PLUGGED, Offer, find_offer

# group of options -> what packages call it, what a file calls it
ENTRY = {
    "algorithm": "tiltwise.algorithms",
    "phantom": "tiltwise.phantoms",
    "network": "tiltwise.networks",
    "projector": "tiltwise.projectors",
}
LISTED = {"phantom": "PHANTOMS", "network": "NETWORKS", "projector": "PROJECTORS"}
WORD = "plugins="


def plug_in(words: Sequence[str]) -> None:
    """Load what the words of a command line opt in to, and offer it to Hydra under its name.

    Raises ``UserError`` for a file that is none, fails, or declares nothing, for a name that is
    taken, and for an entry point that cannot be loaded.
    """
    for path in _files(words):
        for group, name, found in _declared_in(path):
            _offer(group, name, found, str(path))
    for group, name in _chosen(words):
        known = (CONFIGS / group / f"{name}.yaml").exists() or find_offer(group, name)
        if not known and (entry := _entry(group, name)) is not None:
            _offer(group, name, _load(entry), f"the package {entry.value.split('.')[0]}")


def check_only_here(config: Any, words: Sequence[str]) -> None:
    """Raise ``UserError`` where ``plugins`` says anything that the command line did not."""
    said = [str(p) for p in config.get("plugins") or []]
    if said != [str(p) for p in _files(words)]:
        raise UserError(
            f"plugins={said} given in a config file, which may not run code; write "
            "plugins=[my_method.py] on the command line"
        )


def _files(words: Sequence[str]) -> list[Path]:
    found = []
    for word in words:
        if word.startswith(WORD):
            inside = word.removeprefix(WORD).strip().removeprefix("[").removesuffix("]")
            found += [Path(p.strip().strip("'\"")) for p in inside.split(",") if p.strip()]
    return found


def _chosen(words: Sequence[str]) -> list[tuple[str, str]]:
    """(group, name) of every choice among groups that outside code can add to; of a sweep, each."""
    pairs = [word.lstrip("+").split("=", 1) for word in words if "=" in word]
    return [
        (group, name.strip())
        for group, names in pairs
        if group in ENTRY
        for name in names.split(",")
        if name.strip().isidentifier()
    ]


def _declared_in(path: Path) -> list[tuple[str, str, Any]]:
    from recon.stage import Method

    if not path.is_file() or path.suffix != ".py":
        raise UserError(f"plugins={path} given, a Python file wanted")
    name = f"tiltwise_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that type hints in it can be looked up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"plugins={path} cannot be run: {type(error).__name__}: {error}") from error
    found: list[tuple[str, str, Any]] = [
        ("algorithm", value.run.__name__, value)
        for value in vars(module).values()
        if isinstance(value, Method) and value.run.__module__ == name
    ]
    for group, listed in LISTED.items():
        entries = getattr(module, listed, {})
        if not isinstance(entries, Mapping):
            raise UserError(f"{listed} of {path} is {entries!r}, a dict of name to function wanted")
        found += [(group, str(key), value) for key, value in entries.items()]
    if not found:
        raise UserError(
            f"plugins={path} declares nothing; write MINE = Method(mine) for an algorithm, or "
            f"{', '.join(f'{v} = {{...}}' for v in LISTED.values())}"
        )
    return found


def _entry(group: str, name: str) -> EntryPoint | None:
    return next(iter(entry_points(group=ENTRY[group], name=name)), None)


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise UserError(
            f"{entry.name} of the entry points {entry.group} cannot be loaded: "
            f"{type(error).__name__}: {error}; update or uninstall that package"
        ) from error


def _offer(group: str, name: str, found: Any, origin: str) -> None:
    """Let ``group=name`` build ``found``, its defaults as its options."""
    from hydra.core.config_store import ConfigStore

    from recon.stage import Method

    if not name.isidentifier():
        raise UserError(f"{name!r} of {origin} is no name for an option, letters and _ wanted")
    if (CONFIGS / group / f"{name}.yaml").exists():
        raise UserError(f"{group}={name} of {origin} has the name of one of ours; rename it")
    if group == "algorithm" and not isinstance(found, Method):
        raise UserError(
            f"{name} of {origin} is a {type(found).__name__}, a declared method wanted: "
            "NAME = Method(function)"
        )
    if not callable(found):
        raise UserError(f"{name} of {origin} is a {type(found).__name__}, a function wanted")
    offer = Offer(group, name, found, origin, _defaults(found))
    PLUGGED[offer.target] = offer
    node = {"_target_": offer.target, "_partial_": True, **offer.options}
    ConfigStore.instance().store(group=group, name=name, node=node, provider=origin)


def _defaults(found: Any) -> dict[str, Any]:
    from recon.command.build import ENGINE
    from recon.stage import Method

    if isinstance(found, Method):
        return {k: _plain(v) for k, v in found().options.items()}
    parameters: Mapping[str, inspect.Parameter] = inspect.signature(found).parameters
    return {
        key: _plain(p.default)
        for key, p in parameters.items()
        if key not in ENGINE and p.default is not p.empty
    }


def _plain(value: Any) -> Any:
    """What a config can hold; a group of options stays at its default there."""
    if is_dataclass(value) or isinstance(value, Callable | functools.partial):  # type: ignore[arg-type]
        raise UserError(
            f"a default of type {type(value).__name__} given, numbers, text or lists wanted"
        )
    return list(value) if isinstance(value, tuple) else value
