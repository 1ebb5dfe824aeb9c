"""Whether options fit the function that takes them: names, and values against annotations."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from recon.errors import UserError


def check_options(
    function: Callable[..., Any],
    options: Mapping[str, object],
    *,
    name: str,
    runtime: Collection[str] = (),
) -> None:
    """Raise ``UserError`` for an option that ``function`` does not know or a value of another kind.

    ``name``: what the user knows the function by. ``runtime``: parameters that the engine passes,
    which are nobody's options.
    """
    known = [k for k in inspect.signature(function).parameters if k not in runtime]
    types = _types(function)
    for key, value in options.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, 1, 0.6)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UserError(
                f"option {key} given for {name}, one of {', '.join(known)} wanted{hint}"
            )
        if not _fits(value, types.get(key, Any)):
            raise UserError(f"{key}={value} given for {name}, {_in_words(types[key])} wanted")


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations by parameter; none where they cannot be looked up (names for type checkers only,
    a functools.partial)."""
    try:
        return get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except (NameError, TypeError, AttributeError):
        return {}


def _fits(value: object, kind: Any) -> bool:
    """Whether a value may stand for an annotation made of int, float, bool, str, None, Literal and
    unions of them."""
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
        return isinstance(value, (int, float)) and not math.isnan(value)
    if isinstance(kind, type) and is_dataclass(kind):  # a group of options
        return isinstance(value, kind)
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
    if isinstance(kind, type) and is_dataclass(kind):
        return f"a group of options ({', '.join(f.name for f in fields(kind))})"
    return words.get(kind, str(kind))
