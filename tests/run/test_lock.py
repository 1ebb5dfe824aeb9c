"""One run at a time in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recon.errors import UserError
from recon.run.lock import locked


def test_a_second_run_is_refused_while_the_first_is_at_work(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (tmp_path / ".lock").write_text(str(other.pid))
        with pytest.raises(UserError, match="another run"), locked(tmp_path):
            pass
        assert (tmp_path / ".lock").exists()
    finally:
        other.communicate()


@pytest.mark.parametrize("left", ["999999999", "", "nonsense", None])
def test_a_lock_of_nobody_is_taken_over_and_given_back(tmp_path: Path, left: str | None) -> None:
    if left is not None:
        (tmp_path / ".lock").write_text(left)
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())
    assert not (tmp_path / ".lock").exists()


def test_it_is_given_back_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert not (tmp_path / ".lock").exists()
