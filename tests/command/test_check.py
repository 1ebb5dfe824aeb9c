"""``tiltwise check`` finds what would stop a run before its work, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recon.cli import CONFIGS, path_to_override
from recon.command.check import print_check
from recon.command.compose import compose_config
from recon.errors import UserError

BAD = Path(__file__).parents[1] / "data" / "bad"
Check = Callable[..., str]


@pytest.fixture
def check(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Check:
    """In an empty folder; whatever the outcome, it must be empty still."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        try:
            print_check(*compose_config(CONFIGS, "reconstruct", path_to_override(words)))
        finally:
            assert sorted(tmp_path.rglob("*")) == before
        return capsys.readouterr().out

    return run


def test_what_would_run_is_said(check: Check) -> None:
    text = check("algorithm=tv", "align=none", "output=out")
    assert text.startswith("ok: would run sample=phantom")
    assert "align=none" in text
    assert "algorithm=tv" in text
    assert text.rstrip().endswith("results in out")
    assert "phantom=foam, simulate=edx" in check("phantom=foam", "simulate=edx")


def test_a_series_is_looked_at_but_for_its_pixels(check: Check) -> None:
    """The views of this file hold NaN, which only reading them tells."""
    text = check(str(BAD / "nan.mrc"), "angles=-60:60:30")
    assert "ok: would run" in text
    assert "GB of memory to clean and align" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no_such.mrc"], "not found"),
        ([str(BAD / "no_angles.mrc")], "no tilt angles"),
        ([str(BAD / "nan.mrc"), "angles=-60:60:30", "thickness_px=100000"], "thickness_px"),
        ([str(BAD / "nan.mrc"), "angles=-60:60:30", "memory_gb=0.1"], "memory_gb"),
        (["algorithm.relaxation=5"], "diverges"),
        (["preprocess.log=3"], "true or false"),
        (["resume=true", "output=nowhere"], "no unfinished run"),
        ([f"output={BAD / 'nan.mrc'}/out"], "may not be written"),
        (["algorithm=TV"], "did you mean tv"),
    ],
)
def test_what_would_stop_a_run_stops_the_check(check: Check, words: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        check(*words)


def test_a_folder_with_the_users_own_files_is_refused(check: Check, tmp_path: Path) -> None:
    (tmp_path / "tomogram.mrc").write_text("mine")
    with pytest.raises(UserError, match=r"tomogram\.mrc"):
        check("output=.")
