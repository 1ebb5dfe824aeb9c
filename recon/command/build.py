"""Config -> objects. The only place that turns a ``_target_`` into code, and it does so for our own
code only."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from recon.errors import UserError

# Arguments that the engine passes at run time; a config may not.
RUNTIME = (
    "A",
    "y",
    "start",
    "callback",
    "series",
    "threads",
    "geometry",
    "volume_zx",
    "width",
    "method",
    "family",
    "volume",
    "known",
    "given",
    "extras",
    "network",
)
ALLOWED = ("recon.", "models.", "torch.optim.", "lightning_fabric.")


def build(node: DictConfig) -> Callable[..., Any]:
    """The function or class that a stage's config names, with the config's options filled in.

    Raises ``UserError`` for a ``_target_`` that is not on the allow-list or an option its function
    does not know.
    """
    refuse_foreign_targets(node)
    _check_groups(node)
    try:
        built = instantiate(node, _convert_="all")
    except (
        InstantiationException
    ) as error:  # an option group that refuses its values: its own sentence
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise
    if isinstance(
        built, functools.partial
    ):  # Hydra's own subclass does not survive a second functools.partial
        built = functools.partial(built.func, *built.args, **built.keywords)
    _check_options(built.func if isinstance(built, functools.partial) else built, node)
    return built  # type: ignore[no-any-return]


def _check_groups(node: DictConfig) -> None:
    """Options that are themselves objects with options, such as simulate.beads: checked before they
    are made."""
    for group in node.values():
        if OmegaConf.is_dict(group) and "_target_" in group:
            _check_groups(group)
            _check_options(get_object(group["_target_"]), group)


def _check_options(function: Callable[..., Any], node: DictConfig) -> None:
    known = inspect.signature(function).parameters
    types = get_type_hints(function.__init__ if inspect.isclass(function) else function)
    for name, value in node.items():
        name = str(name)
        if name in ("_target_", "_partial_"):
            continue
        if name not in known or name in RUNTIME:
            choices = ", ".join(k for k in known if k not in RUNTIME)
            raise UserError(f"option {name} given for {node['_target_']}, one of {choices} wanted")
        if not _fits(value, types.get(name, Any)):
            raise UserError(
                f"{name}={value} given for {node['_target_']}, {_in_words(types[name])} wanted"
            )


def _fits(value: object, kind: Any) -> bool:
    """Whether a YAML value may stand for an annotation made of int, float, bool, str, None, Literal
    and unions of them."""
    if kind is Any:
        return True
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if origin is Literal:
        return value in get_args(kind)
    if kind in (None, NoneType):
        return value is None
    if isinstance(value, bool) and kind is not bool:
        return False
    if kind is float:
        return isinstance(value, (int, float))
    return not isinstance(kind, type) or kind not in (int, bool, str) or isinstance(value, kind)


def _in_words(kind: Any) -> str:
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a word",
        NoneType: "null",
        None: "null",
    }
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_in_words(part) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return " or ".join(str(part) for part in get_args(kind))
    return words.get(kind, str(kind))


def refuse_foreign_targets(node: Any) -> None:
    """A config file is data: it may name our code, and nothing that could run a stranger's.

    Raises ``UserError`` for any ``_target_``, at any depth, outside the allow-list.
    """
    if isinstance(node, DictConfig):
        target = node.get("_target_")
        if target is not None and not (
            isinstance(target, str) and target.startswith(ALLOWED) and _is_plain(target)
        ):
            raise UserError(
                f"_target_={target} given, a name under {', '.join(ALLOWED)} wanted; configs may "
                f"only name Tiltwise's code"
            )
        for key in node:
            if not OmegaConf.is_missing(node, key):
                refuse_foreign_targets(node[key])
    elif isinstance(node, ListConfig):
        for item in node:
            refuse_foreign_targets(item)


def _is_plain(target: str) -> bool:
    """True for a public function or class that a module of ours defines: recon.cli.os.system or an
    imported name does not pass."""
    module, _, name = target.rpartition(".")
    if name.startswith("_") or not module.startswith(tuple(a.rstrip(".") for a in ALLOWED)):
        return False
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return False
    return callable(found) and str(getattr(found, "__module__", "")).startswith(ALLOWED)
