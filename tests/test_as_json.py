"""Dataclasses as JSON: what is written comes back, and nothing that is read can raise."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from recon.as_json import REST, from_json, to_json


@dataclass(frozen=True)
class Inner:
    level: float | None = None
    row: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outer:
    text: str = "none"
    count: int | None = None
    sure: bool | None = None
    pairs: tuple[tuple[float, float], ...] = ()
    shape: tuple[int, int, int] | None = None
    words: tuple[str, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    anything: object = None
    rest: Mapping[str, object] = field(default_factory=dict, metadata=REST)


FULL = Outer(
    "a", 3, False, ((0.1, 1e-300), (-2.0, 3.0)), (1, 2, 3), ("x", "é"), {"tv": 0.1},
    Inner(2.5, (1.0, 2.0)), Inner(), {"deep": [1, {"er": None}]}, {"newer": [1], "key": "v"},
)  # fmt: skip


def test_what_is_written_comes_back_bit_for_bit() -> None:
    assert from_json(Outer, json.loads(json.dumps(to_json(FULL)))) == FULL


def test_what_stands_at_its_default_is_left_out() -> None:
    assert to_json(Outer()) == {}
    assert to_json(Outer(inner=Inner(level=1.0), sure=False)) == {
        "sure": False,
        "inner": {"level": 1.0},
    }


def test_what_is_not_finite_is_null_and_keeps_its_place() -> None:
    written = json.dumps(
        to_json([Inner(math.nan, (1.0, math.inf, 3.0)), {"a": -math.inf}]), allow_nan=False
    )
    assert json.loads(written) == [{"level": None, "row": [1.0, None, 3.0]}, {"a": None}]
    read = from_json(Inner, json.loads(written)[0])
    assert read.level is None
    np.testing.assert_array_equal(read.row, (1.0, np.nan, 3.0))
    assert to_json(read)["row"] == [1.0, None, 3.0]


def test_arrays_numpy_numbers_paths_and_keys_are_plain() -> None:
    plain = to_json(
        {1: np.array([[1, 2]]), "a": np.float32(0.5), "b": np.int64(3), "c": Path("x"), "d": None}
    )
    assert plain == {"1": [[1, 2]], "a": 0.5, "b": 3, "c": "x", "d": None}
    json.dumps(plain)


@pytest.mark.parametrize(
    "wrong",
    [None, True, 0, -1.5, 1e999, 10**400, "text", [], {}, [1], ["a"], [[1]], [[1, 2, "x"]],
     {"a": 1}, {"a": "b"}, [None], {"level": "x", "row": 3}],
)  # fmt: skip
def test_a_member_of_a_wrong_type_is_a_default_and_the_others_stand(wrong: object) -> None:
    raw = to_json(FULL)
    for name in raw:
        read = from_json(Outer, raw | {name: wrong})
        others = {k: v for k, v in vars(read).items() if k not in (name, "rest")}
        assert others == {k: vars(FULL)[k] for k in others}
        json.dumps(to_json(read), allow_nan=False)


@pytest.mark.parametrize("raw", [None, 3, "text", [1], {}])
def test_what_is_no_record_at_all_is_the_default(raw: object) -> None:
    assert from_json(Outer, raw) == Outer()


def test_in_rows_of_numbers_places_count_elsewhere_what_is_wrong_is_left_out() -> None:
    read = from_json(
        Outer,
        {
            "inner": {"row": [1, "x", True, None, 5]},
            "words": ["a", 3, "b"],
            "pairs": [[1, 2], [3], "x", [4, 5]],
            "errors": {"tv": 0.5, "wbp": "x", "sirt": None},
            "count": 2.5,
            "shape": [4.0, 5, 6],
        },
    )
    np.testing.assert_array_equal(read.inner.row, (1, np.nan, np.nan, np.nan, 5))
    assert read.words == ("a", "b")
    assert read.pairs == ((1, 2), (4, 5))
    assert read.errors == {"tv": 0.5}
    assert read.count is None
    assert read.shape == (4, 5, 6)
