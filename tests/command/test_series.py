"""What ``input=`` may name: a path, a list, a glob; and the sentences for what it may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from recon.command.series import series_paths
from recon.command.words import input_text
from recon.errors import UserError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """data with a.mrc, b.mrc, c.st, a[1].mrc; tiffs with a TIFF beside an MRC; one with a stack."""
    for name in (
        "data/b.mrc",
        "data/a.mrc",
        "data/c.st",
        "data/._a.mrc",
        "odd/a[1].mrc",
        "odd/a1.mrc",
        "tiffs/t_0.tif",
        "tiffs/x.mrc",
        "one/x.mrc.gz",
        "none/notes.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(value: object) -> list[str]:
    if isinstance(value, list):
        value = OmegaConf.create(value)
    return [p.as_posix() for p in series_paths(value)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("data/a.mrc", ["data/a.mrc"]),
        (["data/b.mrc", "data/a.mrc"], ["data/b.mrc", "data/a.mrc"]),  # as given
        ("data/*.mrc", ["data/a.mrc", "data/b.mrc"]),  # no hidden file
        (["data/c.st", "data/*.mrc"], ["data/c.st", "data/a.mrc", "data/b.mrc"]),
        ("odd/a[1].mrc", ["odd/a[1].mrc"]),  # a file of that name is no glob
        ("missing.mrc", ["missing.mrc"]),  # the reader says it
        ("tiffs", ["tiffs"]),
        ("none", ["none"]),
        ("**/c.st", ["data/c.st"]),
        (input_text("data/*.mrc"), ["data/a.mrc", "data/b.mrc"]),
    ],
)
def test_a_series_a_list_a_glob(here: Path, value: object, found: list[str]) -> None:
    assert paths(value) == found


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("data/*.mrcs", r"data/\*\.mrcs matches nothing; data holds .*a\.mrc"),
        ("dat/*.mrc", r"no folder dat \(did you mean data\?\)"),
        (["data/a.mrc", "data/a.mrc"], r"data/a\.mrc given twice, every series once"),
        (["data/a.mrc", "data/*.mrc"], "given twice"),
        (["data/a.mrc", "data/../data/a.mrc"], r"given twice \(as data/a\.mrc, too\)"),
        ("data", r"holds 3 stacks .* give its stacks: data/\*\.mrc data/\*\.st"),
        ("one", r"give it: one/x\.mrc\.gz"),
        (["data/a.mrc", "one"], r"give it: one/x\.mrc\.gz"),
        ([], r"input=\[\] given, a tilt series wanted"),
        ([["a"]], "a list or a glob"),
    ],
)
def test_a_mistake_is_a_sentence(here: Path, value: object, says: str) -> None:
    with pytest.raises(UserError) as caught:
        paths(value)
    assert re.search(says, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


def test_a_link_to_a_series_is_that_series(here: Path) -> None:
    (here / "link.mrc").symlink_to(here / "data/a.mrc")
    with pytest.raises(UserError, match="given twice"):
        paths(["data/a.mrc", "link.mrc"])
