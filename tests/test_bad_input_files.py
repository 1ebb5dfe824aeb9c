"""Every file in tests/data/bad is a mistake that a user can make; each must give one sentence that
helps."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from recon.errors import UserError
from recon.io import read_tilt_series

BAD = Path(__file__).parent / "data" / "bad"
CASES: list[dict[str, Any]] = tomllib.loads((BAD / "cases.toml").read_text("utf-8"))["case"]


def keywords(args: list[str]) -> dict[str, Any]:
    """Command-line overrides as ``read_tilt_series`` takes them; the command does this through
    Hydra."""
    found: dict[str, Any] = {}
    for arg in args:
        key, _, value = arg.partition("=")
        if key == "exclude":
            found[key] = [int(v) for v in value.strip("[]").split(",")]
        elif key == "pixel_nm":
            found[key] = float(value)
        else:
            found[key] = value
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda c: " ".join([c["file"], *c.get("args", [])]))
def test_a_mistake_gives_one_sentence(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)  # so that angles=name finds its file
    if case["file"].endswith(".dm3"):
        pytest.importorskip("rsciio", reason="DM files need the vendor extra")
    with pytest.raises(UserError) as caught:
        read_tilt_series(BAD / case["file"], **keywords(case.get("args", [])))
    message = str(caught.value)
    missing = [word for word in case["says"] if word not in message]
    assert not missing, f"{missing} not in: {message}"
    assert "\n" not in message
    assert len(message) < 400


def test_every_bad_file_has_a_case() -> None:
    named = {name for case in CASES for name in (case["file"], *case.get("beside", []))}
    there = {
        p.relative_to(BAD).as_posix()
        for p in BAD.rglob("*")
        if p.is_file() and p.suffix not in (".py", ".pyc", ".toml")
    }
    assert there - named == set()


def test_bad_files_are_small() -> None:
    sizes = {
        p.name: p.stat().st_size for p in BAD.rglob("*") if p.is_file() and p.suffix != ".toml"
    }
    assert max(sizes.values()) < 10_000, sizes
