"""Frozen dataclasses as JSON, and back by their type hints.

Writing is strict: the text is valid JSON, so that a number that is not finite becomes null.
Reading is lenient and raises nothing: what a file lacks, or holds of a wrong type, is the field's
default, a wrong member of a list or a mapping is left out, and where places in a list count, among
decimal numbers, it is NaN.
"""

from __future__ import annotations

import collections.abc
import functools
import math
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)

# field(metadata=REST): a mapping that takes the members no other field names, and gives them back
# beside the others.
REST = {"rest": True}


class _WrongType(Exception):
    """JSON that is not what a hint asks for."""


def to_json(value: object) -> Any:
    """``value`` in dictionaries, lists, text, numbers and None; of a dataclass what differs from
    its defaults, of anything else its ``str``."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray | np.generic):
        return to_json(value.tolist())
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(one) for key, one in value.items()}
    if is_dataclass(value):
        members: dict[str, Any] = {}
        for f in fields(value):
            one = getattr(value, f.name)
            if f.metadata == REST:
                members |= to_json(one)
            elif one != _default(f):
                members[f.name] = to_json(one)
        return members
    return str(value)


def from_json(kind: type[T], raw: object) -> T:
    """A ``kind``, whose fields all have defaults, of whatever ``json.loads`` returned."""
    given = raw if isinstance(raw, dict) else {}
    hints, found = _hints(kind), {}
    names = {f.name for f in fields(kind)}
    for f in fields(kind):
        if f.metadata == REST:
            rest = {key: one for key, one in given.items() if key not in names}
            found[f.name] = _read(hints[f.name], rest)
        elif f.name in given:
            with suppress(_WrongType):
                found[f.name] = _read(hints[f.name], given[f.name])
    return kind(**found)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _default(f: Field[Any]) -> object:
    if f.default_factory is not MISSING:
        return f.default_factory()
    return f.default


def _read(hint: Any, raw: object) -> object:
    """``raw`` as the hint has it. Raises ``_WrongType``."""
    outer, inner = get_origin(hint), get_args(hint)
    if hint is object:
        return raw
    if hint is float or hint is int:
        return _number(hint, raw)
    if hint is str or hint is bool:
        return _checked(hint, raw)
    if is_dataclass(hint):
        return from_json(hint, _checked(dict, raw))  # type: ignore[arg-type]
    if outer is types.UnionType:
        return None if raw is None else _read(inner[0], raw)
    if outer is tuple and inner[1:] == (...,):
        return tuple(_members(inner[0], _checked(list, raw)))
    if outer is tuple:
        if len(row := _checked(list, raw)) != len(inner):
            raise _WrongType
        return tuple(_read(one, value) for one, value in zip(inner, row, strict=True))
    if outer is collections.abc.Mapping:
        found = {}
        for key, value in _checked(dict, raw).items():
            with suppress(_WrongType):
                found[key] = _read(inner[1], value)
        return found
    raise TypeError(f"no JSON is known for {hint}")


def _members(hint: Any, row: list[object]) -> list[object]:
    found = []
    for value in row:
        try:
            found.append(_read(hint, value))
        except _WrongType:
            if hint is float:
                found.append(math.nan)
    return found


def _number(kind: type, raw: object) -> float | int:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _WrongType
    try:
        value = float(raw)
    except OverflowError:
        raise _WrongType from None
    if not math.isfinite(value) or (kind is int and value != int(value)):
        raise _WrongType
    return int(raw) if kind is int else value


U = TypeVar("U")


def _checked(kind: type[U], raw: object) -> U:
    if not isinstance(raw, kind):
        raise _WrongType
    return raw
