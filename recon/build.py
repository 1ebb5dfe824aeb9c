"""Config -> objects. The only place that turns a ``_target_`` into code, and it does so for our own code only."""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from recon.errors import UserError

ALLOWED = ("recon.", "models.", "torch.optim.", "lightning.")


def build(node: DictConfig) -> Callable[..., Any]:
    """The function or class that a stage's config names, with the config's options filled in.

    Raises ``UserError`` for a ``_target_`` that is not on the allow-list or an option its function does not know.
    """
    refuse_foreign_targets(node)
    options = {str(k): v for k, v in node.items() if k not in ("_target_", "_partial_")}
    built = instantiate(node, _convert_="all")
    if isinstance(built, functools.partial):  # Hydra's own subclass does not survive a second functools.partial
        built = functools.partial(built.func, *built.args, **built.keywords)
    function = built.func if isinstance(built, functools.partial) else built
    known = inspect.signature(function).parameters
    for name in options:
        if name not in known:
            raise UserError(f"option {name} given for {node['_target_']}, one of {', '.join(known)} wanted")
    return built  # type: ignore[no-any-return]


def refuse_foreign_targets(node: Any) -> None:
    """A config file is data: it may name our code, and nothing that could run a stranger's.

    Raises ``UserError`` for any ``_target_``, at any depth, outside the allow-list.
    """
    if isinstance(node, DictConfig):
        target = node.get("_target_")
        if target is not None and not (isinstance(target, str) and target.startswith(ALLOWED) and _is_plain(target)):
            raise UserError(
                f"_target_={target} given, a name under {', '.join(ALLOWED)} wanted; configs may only name Tiltwise's code"
            )
        for key in node:
            if not OmegaConf.is_missing(node, key):
                refuse_foreign_targets(node[key])
    elif isinstance(node, ListConfig):
        for item in node:
            refuse_foreign_targets(item)


def _is_plain(target: str) -> bool:
    """True for recon.module.function: the module is a file of ours, so recon.cli.os.system does not pass."""
    module, _, name = target.rpartition(".")
    try:
        found = importlib.util.find_spec(module) is not None
    except (ImportError, AttributeError, ValueError):
        return False
    return found and name.isidentifier() and not name.startswith("_")
