"""When a run is the same one again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from recon.run.fingerprint import fingerprint


@pytest.mark.parametrize("changed", ["ts.mrc", "shifts.csv", "ts.tlt"])
def test_a_run_is_another_one_when_a_file_that_it_reads_has_changed(
    tmp_path: Path, changed: str
) -> None:
    files = [tmp_path / name for name in ("ts.mrc", "shifts.csv", "ts.tlt")]
    for path in files:
        path.write_text("1")
    before = fingerprint({"threads": 2}, files)
    assert fingerprint({"threads": 1, "output": "elsewhere"}, files) == before
    os.utime(tmp_path / changed, ns=(0, 0))
    assert fingerprint({"threads": 2}, files) != before


def test_angles_in_one_long_string_are_no_file() -> None:
    listed = ",".join(str(a) for a in range(-70, 71))
    one = fingerprint({"angles": listed}, [Path(listed)])
    assert one != fingerprint({"angles": listed[:-1] + "1"}, [Path(listed[:-1] + "1")])


def test_options_decide(tmp_path: Path) -> None:
    one = fingerprint({"align": {"path": None}, "angles": [1.0, 2.0]}, [])
    assert one != fingerprint({"align": {"path": None}, "angles": [1.0, 3.0]}, [])


def test_weights_given_by_path_are_known_by_their_content(tmp_path: Path) -> None:
    network = {"_target_": "models.primal_dual.PrimalDual"}
    card = {"task": "irdm", "data": {}, "options": {"network": network}}
    (tmp_path / "weights.safetensors").write_text("x")
    (tmp_path / "card.json").write_text(json.dumps({**card, "sha256": "1"}))
    before = fingerprint({}, [tmp_path])
    os.utime(tmp_path / "weights.safetensors", ns=(0, 0))
    assert fingerprint({}, [tmp_path]) == before
    (tmp_path / "card.json").write_text(json.dumps({**card, "sha256": "2"}))
    assert fingerprint({}, [tmp_path]) != before
