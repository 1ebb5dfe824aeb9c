"""A finished run is scored later as it would have been at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recon.errors import UserError
from recon.run.later import finished

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["phantom=core_shell", "phantom.size=48", "algorithm.n_iterations=6", "threads=1"]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tiltwise", *words], cwd=ROOT, capture_output=True, text=True
    )


def test_later_gives_the_scores_and_the_report_of_now(tmp_path: Path) -> None:
    for trust in ("later", "standard"):
        made = command("reconstruct", *SMALL, f"trust={trust}", f"output={tmp_path / trust}")
        assert made.returncode == 0, made.stderr
    later, now = tmp_path / "later", tmp_path / "standard"
    before = (later / "tomogram.mrc").read_bytes()
    assert not json.loads((later / "run.json").read_text())["trust"].get("withheld")
    scored = command("score", str(later))
    assert scored.returncode == 0, scored.stderr
    trusts = [json.loads((f / "run.json").read_text())["trust"] for f in (later, now)]
    assert trusts[0] == trusts[1] and trusts[0]["withheld"]["sirt"] > 0
    assert (later / "tomogram.mrc").read_bytes() == before
    assert "on withheld views" in (later / "report.html").read_text("utf-8")


@pytest.mark.parametrize("words", [(), ("a", "b"), ("a", "rows=3"), ("a", "threads=x")])
def test_other_words_end_in_a_sentence(words: tuple[str, ...]) -> None:
    answer = command("score", *words)
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: ") and "tiltwise score FOLDER wanted" in answer.stderr


def test_a_folder_without_a_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished run"):
        finished(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match=r"aligned\.mrc in .* is gone"):
        finished(tmp_path)
