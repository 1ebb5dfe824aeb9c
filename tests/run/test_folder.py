"""When a run is the same one again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from recon.errors import UserError
from recon.run.folder import (
    NAMES,
    REPORT,
    check_ours,
    check_report,
    claim,
    clear,
    fingerprint,
    listed,
)


@pytest.mark.parametrize("changed", ["ts.mrc", "shifts.csv", "ts.tlt"])
def test_a_run_is_another_one_when_a_file_that_it_names_has_changed(
    tmp_path: Path, changed: str
) -> None:
    for name in ("ts.mrc", "shifts.csv", "ts.tlt"):
        (tmp_path / name).write_text("1")
    config = {
        "align": {"path": str(tmp_path / "shifts.csv")},
        "angles": str(tmp_path / "ts.tlt"),
        "threads": 2,
    }
    before = fingerprint(config, tmp_path / "ts.mrc")
    assert (
        fingerprint({**config, "threads": 1, "output": "elsewhere"}, tmp_path / "ts.mrc") == before
    )
    os.utime(tmp_path / changed, ns=(0, 0))
    assert fingerprint(config, tmp_path / "ts.mrc") != before


def test_a_fingerprint_knows_a_phantoms_file_and_the_content_of_weights_given_by_path(
    tmp_path: Path,
) -> None:
    config = {"phantom": {"path": str(tmp_path / "v.mrc")}, "algorithm": {"weights": str(tmp_path)}}
    network = {"_target_": "models.primal_dual.PrimalDual"}
    card = {"task": "irdm", "data": {}, "options": {"network": network}}
    (tmp_path / "v.mrc").write_text("one")
    (tmp_path / "weights.safetensors").write_text("x")
    (tmp_path / "card.json").write_text(json.dumps({**card, "sha256": "1"}))
    before = fingerprint(config, None)
    (tmp_path / "card.json").write_text(json.dumps({**card, "sha256": "2"}))
    trained_again = fingerprint(config, None)
    assert trained_again != before
    (tmp_path / "v.mrc").write_text("others")
    assert fingerprint(config, None) != trained_again


def test_angles_in_one_long_string_are_no_file() -> None:
    listed = ",".join(str(a) for a in range(-70, 71))
    assert fingerprint({"angles": listed}, None) != fingerprint({"angles": listed[:-1] + "1"}, None)


def test_options_that_name_no_file_are_options(tmp_path: Path) -> None:
    one = fingerprint({"align": {"path": None}, "angles": [1.0, 2.0]}, None)
    assert one != fingerprint({"align": {"path": None}, "angles": [1.0, 3.0]}, None)


def run_of_ours(out: Path) -> None:
    """A finished run that wrote every name, as its record says."""
    out.mkdir(exist_ok=True)
    for name in NAMES:
        (out / name).write_text("ours")
    (out / REPORT[0]).write_text('<!doctype html><meta name="generator" content="Tiltwise">')
    (out / "run.json").write_text(
        json.dumps({"files": listed(NAMES), "versions": {"tiltwise": "1"}})
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_the_users_own_is_never_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    for ask in (check_ours, clear):
        with pytest.raises(UserError, match=r"would be replaced.*output=DIR"):
            ask(tmp_path, {})
    assert (tmp_path / name).read_text() == "mine"


def test_what_a_run_of_ours_wrote_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    run_of_ours(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    clear(tmp_path, {})
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_users_file_beside_a_run_of_ours_is_not_in_its_record(tmp_path: Path) -> None:
    run_of_ours(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"files": ["run.json", "tomogram.mrc"]}))
    with pytest.raises(UserError, match=r"would be replaced"):
        clear(tmp_path, {})
    assert (tmp_path / "tomogram.mrc").exists()


def test_a_run_that_was_killed_is_known_as_ours(tmp_path: Path) -> None:
    claim(tmp_path)
    (tmp_path / "aligned.mrc").write_text("half")
    clear(tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_a_link_of_the_users_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tomogram.mrc").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"tomogram\.mrc"):
        clear(tmp_path, {})
    assert (tmp_path / "tomogram.mrc").is_symlink()


@pytest.mark.parametrize(
    "where", ["input", "angles", "align", "through a link", "as an address", "inside"]
)
def test_what_a_run_reads_is_not_removed_before_it_is_read(tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    run_of_ours(out)
    (tmp_path / "link.mrc").symlink_to(out / "aligned.mrc")
    config: dict[str, object] = {
        "input": {"input": str(out / "aligned.mrc")},
        "angles": {"input": "elsewhere.mrc", "angles": str(tmp_path / "out/../out/aligned.tlt")},
        "align": {"align": {"path": str(out / "aligned.xf")}},
        "through a link": {"input": str(tmp_path / "link.mrc")},
        "as an address": {"input": f"file:{out / 'aligned.mrc'}"},
        "inside": {"input": str(out / "tomogram.ome.zarr/0")},
    }[where]
    with pytest.raises(UserError, match="before it is read"):
        check_ours(out, {**config, "output": str(out)})


def test_a_page_of_the_users_is_not_replaced_by_a_report_of_several_runs(tmp_path: Path) -> None:
    check_report(tmp_path)
    (tmp_path / "report.csv").write_text("mine")
    with pytest.raises(UserError, match=r"report\.csv"):
        check_report(tmp_path)
    (tmp_path / "report.html").write_text(
        '<!doctype html><meta name="generator" content="Tiltwise">'
    )
    check_report(tmp_path)
