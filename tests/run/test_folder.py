"""What a run may remove, and what it never does."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import torch

from recon.errors import UserError
from recon.io import write_volume
from recon.run.folder import NAMES, REPORT, check_ours, check_report, claim, clear, listed
from recon.series import Volume


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


def test_a_methods_further_volumes_are_cleared_like_ours_and_kept_like_the_users(
    tmp_path: Path,
) -> None:
    (tmp_path / "squared.mrc").write_text("mine")
    clear(tmp_path, {})  # a run that writes no such volume
    with pytest.raises(UserError, match=r"squared\.mrc"):
        clear(tmp_path, {}, ["squared"])
    (tmp_path / "run.json").write_text(json.dumps({"files": ["run.json", "squared.mrc"]}))
    clear(tmp_path, {})  # a record is text that anybody can write: our label is wanted, too
    assert [p.name for p in tmp_path.iterdir()] == ["squared.mrc"]
    (tmp_path / "run.json").write_text(json.dumps({"files": ["run.json", "squared.mrc"]}))
    write_volume(Volume(torch.zeros(2, 2, 2), 1.0, unit="density"), tmp_path / "squared.mrc")
    clear(tmp_path, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["tomogram.mrc", "squared.mrc", "report.html"])
def test_a_folder_under_a_name_of_ours_is_never_emptied(tmp_path: Path, name: str) -> None:
    run_of_ours(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    record = {"files": [*listed(NAMES), "squared.mrc", "report.html"]}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with contextlib.suppress(UserError):
        clear(tmp_path, {})
    assert (tmp_path / name / "mine.txt").read_text() == "mine"


def test_a_record_cannot_name_what_no_run_writes(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    (tmp_path / "up.mrc").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    names = ["run.json", "../thesis.docx", "../up.mrc", str(tmp_path / "up.mrc")]
    (out / "run.json").write_text(json.dumps({"files": names}))
    clear(out, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "thesis.docx", "up.mrc"]
