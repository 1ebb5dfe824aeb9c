"""Config -> stages. The only place that turns a ``_target_`` into code (``registry.py``)."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recon.command.registry import find
from recon.errors import UserError
from recon.options import check_options
from recon.stage import RUNTIME, Analysis, Method, Step

# What the engine passes to functions that are no declared stage; a config may not.
ENGINE = (
    *RUNTIME,
    "A",
    "y",
    "geometry",
    "volume_zx",
    "width",
    "method",
    "noise",
    "tv_weight",
    "volume",
    "parts",
    "family",
    "network",
)


def build(node: DictConfig) -> Any:
    """What a stage's config names, with the config's options filled in: a ``Bound`` of a declared
    stage, else a ``functools.partial``.

    Raises ``UserError`` for a ``_target_`` that is not ours to build, at any depth, or an option
    that its function does not know.
    """
    content = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    assert isinstance(content, dict)
    if "_target_" not in content:
        raise UserError(
            f"options {', '.join(map(str, content))} given without a _target_, a name "
            "that the files in configs/ have wanted"
        )
    target, options = _opened(content)
    if isinstance(target, Method | Step | Analysis):
        return target(**options)
    check_options(target, options, name=str(content["_target_"]), runtime=ENGINE)
    return functools.partial(target, **options)


def _opened(content: dict[Any, Any]) -> tuple[Any, dict[str, Any]]:
    """(what ``_target_`` names, the options with their groups made)."""
    target = find(content["_target_"])
    reserved = ("_target_", "_partial_")
    return target, {str(k): _made(v) for k, v in content.items() if k not in reserved}


def _made(value: Any) -> Any:
    """An option's value; a group of options, such as simulate.beads, becomes its object."""
    if isinstance(value, list):
        return [_made(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "_target_" not in value:
        return {k: _made(v) for k, v in value.items()}
    group, options = _opened(value)
    if not inspect.isclass(group):
        raise UserError(
            f"_target_={value['_target_']} given among the options, a group of options wanted"
        )
    check_options(group, options, name=str(value["_target_"]))
    return group(**options)
