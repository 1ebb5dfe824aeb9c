"""When a run is the same one again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recon.folder import fingerprint


@pytest.mark.parametrize("changed", ["ts.mrc", "shifts.csv", "ts.tlt"])
def test_a_run_is_another_one_when_a_file_that_it_names_has_changed(tmp_path: Path, changed: str) -> None:
    for name in ("ts.mrc", "shifts.csv", "ts.tlt"):
        (tmp_path / name).write_text("1")
    config = {"align": {"path": str(tmp_path / "shifts.csv")}, "angles": str(tmp_path / "ts.tlt"), "threads": 2}
    before = fingerprint(config, tmp_path / "ts.mrc")
    assert fingerprint({**config, "threads": 1, "output": "elsewhere"}, tmp_path / "ts.mrc") == before
    os.utime(tmp_path / changed, ns=(0, 0))
    assert fingerprint(config, tmp_path / "ts.mrc") != before


def test_angles_in_one_long_string_are_no_file() -> None:
    listed = ",".join(str(a) for a in range(-70, 71))
    assert fingerprint({"angles": listed}, None) != fingerprint({"angles": listed[:-1] + "1"}, None)


def test_options_that_name_no_file_are_options(tmp_path: Path) -> None:
    one = fingerprint({"align": {"path": None}, "angles": [1.0, 2.0]}, None)
    assert one != fingerprint({"align": {"path": None}, "angles": [1.0, 3.0]}, None)
