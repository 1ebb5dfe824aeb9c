"""Code from outside, which the command line alone can opt in to: a file, or an installed package.

``plugins=[my_method.py]`` runs that file and offers what it declares; ``algorithm=NAME`` that is no
option of ours is looked for among the entry points of installed packages, and loaded only then. A
config file, a recipe or a record can do neither: they are data.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import re
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
_WORD = re.compile(r"\+{0,2}plugins=(.*)", re.DOTALL)


def plug_in(words: Sequence[str]) -> None:
    """Load what the words of a command line opt in to, and offer it to Hydra under its name.

    Raises ``UserError`` for a file that is none, fails, or declares nothing, for a name that is
    taken, and for an entry point that cannot be loaded.
    """
    for path in _files(words):
        for group, name, found in _declared_in(path):
            _offer(group, name, found, str(path), _digest(path.read_bytes()))
    for group, name in _chosen(words):
        known = (CONFIGS / group / f"{name}.yaml").exists() or find_offer(group, name)
        if not known and (entry := _entry(group, name)) is not None:
            origin = f"the package {entry.value.split('.')[0]}"
            _offer(group, name, _load(entry), origin, _content(entry))


def check_only_here(config: Any, words: Sequence[str]) -> None:
    """Raise ``UserError`` where ``plugins`` says anything that the command line did not."""
    said = plugin_files(config.get("plugins"))
    if said != _files(words):
        raise UserError(
            f"plugins={[str(p) for p in said]} given in a config file, which may not run code; "
            "write plugins=[my_method.py] on the command line"
        )


def refuse_foreign_hydra(words: Sequence[str]) -> None:
    """Raise ``UserError`` for a folder of configs that would configure Hydra itself, whose
    callbacks, launchers and loggers run code; and for ways to other configs than a folder."""
    for k, word in enumerate(words):
        if word.startswith(("--experimental-rerun", "hydra.searchpath", "+hydra.searchpath")):
            raise UserError(f"{word[:100]} given, which may run code from outside; leave it out")
        flag, _, value = word.partition("=")
        if flag in ("--config-path", "-cp", "--config-name", "-cn"):
            raise UserError(f"{flag} given, which stands in for our configs; use --config-dir")
        if flag in ("--config-dir", "-cd"):
            folder = Path(value or next(iter(words[k + 1 : k + 2]), "")).expanduser()
            for path in sorted(folder.rglob("*")):
                named = "hydra" in path.relative_to(folder).parts
                if named or (path.suffix in (".yaml", ".yml") and _configures_hydra(path)):
                    raise UserError(
                        f"{path} configures Hydra itself, which may run code; a config file may set "
                        "Tiltwise's options and nothing else"
                    )


def _configures_hydra(path: Path) -> bool:
    text = path.read_bytes().decode("utf-8", "replace")
    return re.search(r"(?im)^[^#\n]*\bhydra\b|@package[^\n]*\bhydra\b", text) is not None


def plugin_files(value: Any) -> list[Path]:
    """What ``plugins`` of a config names: a list of paths, one path, or nothing."""
    paths = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [Path(str(p)).expanduser() for p in paths]


def _files(words: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for word in words:
        if match := _WORD.fullmatch(word):
            inside = match[1].strip().removeprefix("[").removesuffix("]")
            parts = [p.strip().strip("'\"") for p in inside.split(",")]
            found = [Path(p).expanduser() for p in parts if p not in ("", "null")]
    return found


def _chosen(words: Sequence[str]) -> list[tuple[str, str]]:
    """(group, name) of every choice among groups that outside code can add to; of a sweep, each."""
    pairs = [word.lstrip("+").split("=", 1) for word in words if "=" in word]
    return [
        (group.split("@")[0], name.strip())
        for group, names in pairs
        if group.split("@")[0] in ENTRY
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


def _content(entry: EntryPoint) -> str:
    """Version of the package, and the text of the module that is named."""
    version = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
    try:
        spec = importlib.util.find_spec(entry.module)
        text = Path(spec.origin).read_bytes() if spec is not None and spec.origin else b""
    except (ImportError, OSError, ValueError):
        text = b""
    return f"{version} {_digest(text)}"


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _offer(group: str, name: str, found: Any, origin: str, content: str) -> None:
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
    offer = Offer(group, name, found, origin, _defaults(found), content)
    PLUGGED[offer.target] = offer
    node = {"_target_": offer.target, "_partial_": True, **offer.options}
    ConfigStore.instance().store(group=group, name=name, node=node, provider=origin)


def _defaults(found: Any) -> dict[str, Any]:
    """Its options with their defaults; ``???`` for one that has none."""
    from recon.command.build import ENGINE
    from recon.stage import RUNTIME, Method

    run, engine = (found.run, RUNTIME) if isinstance(found, Method) else (found, ENGINE)
    parameters = list(inspect.signature(run).parameters.values())
    if isinstance(found, Method):
        parameters = parameters[2:]  # A and y
    return {
        p.name: "???" if p.default is p.empty else _plain(p.default)
        for p in parameters
        if p.name not in engine and p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    }


def _plain(value: Any) -> Any:
    """What a config can hold; a group of options stays at its default there."""
    if is_dataclass(value) or isinstance(value, Callable | functools.partial):  # type: ignore[arg-type]
        raise UserError(
            f"a default of type {type(value).__name__} given, numbers, text or lists wanted"
        )
    return list(value) if isinstance(value, tuple) else value
