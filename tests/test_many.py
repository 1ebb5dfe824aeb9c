"""Several series in one command, as a user runs it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.cli import path_to_override
from recon.io import read_volume, write_tilt_series
from recon.simulate.ellipsoids import phantom

Command = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parents[1]
QUICK = ("align.rounds=0", "algorithm.n_iterations=4", "trust.rows=2", "threads=1", "output=out")
LONE = [
    "aligned.mrc",
    "aligned.tlt",
    "aligned.xf",
    "preview.png",
    "report.csv",
    "report.html",
    "run.json",
    "tomogram.mrc",
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A, B and C, of 32 pixels and 23 views each, and a broken one."""
    folder = tmp_path / "data"
    folder.mkdir()
    for seed, name in enumerate("ABC"):
        series = phantom(size=32, step_deg=6, seed=seed).series
        write_tilt_series(series, folder / f"{name}.mrc")
    whole = (folder / "A.mrc").read_bytes()
    (folder / "broken.mrc").write_bytes(whole[: len(whole) // 2])
    return folder


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def table(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "out/overview.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("words", "rewritten"),
    [
        (["/a.mrc", "/b c.mrc", "x=1"], ["input=['/a.mrc','/b c.mrc']", "x=1"]),
        (["a.mrc", "b.mrc", "-m", "c.mrc"], ["-m", "input=['a.mrc','b.mrc','c.mrc']"]),
        (["data/*.mrc", "x=1"], ["input='data/*.mrc'", "x=1"]),
        (["a.mrc", "algorithm", "x=1"], ["input='a.mrc'", "algorithm", "x=1"]),
        (["a.mrc", "x=1", "b.mrc"], ["input='a.mrc'", "x=1", "b.mrc"]),
        (["/a${b}.mrc", "/it's.mrc"], ["input=['file:/a%24%7Bb%7D.mrc','/it\\'s.mrc']"]),
    ],
)
def test_leading_paths_become_one_input(words: list[str], rewritten: list[str]) -> None:
    assert path_to_override(words) == rewritten


def test_a_folder_each_an_overview_and_the_failures_at_the_end(
    command: Command, data: Path, tmp_path: Path
) -> None:
    done = command("data/A.mrc", "data/broken.mrc", "data/B.mrc", *QUICK)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert names(tmp_path / "out") == ["A", "B", "overview.csv", "overview.html"]
    assert names(tmp_path / "out/A") == names(tmp_path / "out/B") == LONE
    for line in ("series 1 of 3: A", "series 2 of 3: broken", "series 3 of 3: B"):
        assert line in done.stdout.splitlines()
    last = done.stderr.splitlines()[-1]
    assert last.startswith("failed: broken: broken.mrc is truncated")
    assert done.stdout.splitlines()[-2] == "3 series: 2 finished, 1 failed"
    assert [(r["series"], r["status"]) for r in table(tmp_path)] == [
        ("A", "done"),
        ("broken", "failed"),
        ("B", "done"),
    ]

    # What a run of the series alone gives, to the bit.
    alone = command("data/B.mrc", *QUICK[:-1], "output=alone")
    assert alone.returncode == 0, alone.stderr
    a, b = (read_volume(tmp_path / p / "tomogram.mrc").data for p in ("out/B", "alone"))
    assert np.array_equal(a, b)
    records = [
        json.loads((tmp_path / p / "run.json").read_text("utf-8")) for p in ("out/B", "alone")
    ]
    assert records[0]["config"] | {"output": ""} == records[1]["config"] | {"output": ""}
    assert float(table(tmp_path)[2]["residual"]) == records[1]["residual"]


# The command, which sends itself Ctrl-C as soon as the second series' first slab is on the disk.
STOPPED = """
import os, signal
import recon.run.slabs as slabs
save = slabs.save_state
def save_and_stop(path, *given):
    save(path, *given)
    if path.parent.name == "B":
        os.kill(os.getpid(), signal.SIGINT)
slabs.save_state = save_and_stop
from recon.cli import reconstruct
reconstruct()
"""


def test_ctrl_c_stops_the_whole_and_resume_goes_on_with_the_whole(
    command: Command, data: Path, tmp_path: Path
) -> None:
    words = ("data/[ABC].mrc", *QUICK)
    process = subprocess.run(
        [sys.executable, "-c", STOPPED, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.returncode == 130
    assert "Traceback" not in process.stderr
    said = process.stderr.splitlines()[-1]
    assert "stopped at series 2 of 3, B" in said
    assert said.endswith("repeat the command with resume=true output=out")
    assert (tmp_path / "out/A/tomogram.mrc").exists()
    assert (tmp_path / "out/B/unfinished-alignment.json").exists()
    assert not (tmp_path / "out/C").exists()
    assert [r["status"] for r in table(tmp_path)] == ["done", "waiting", "waiting"]

    kept = (tmp_path / "out/A/run.json").stat().st_mtime_ns
    page = (tmp_path / "out/A/report.html").stat().st_mtime_ns
    done = command(*words, "resume=true")
    assert done.returncode == 0, done.stderr
    assert "A: finished before, kept" in done.stdout
    assert "resuming B in out/B" in done.stdout
    assert (tmp_path / "out/A/run.json").stat().st_mtime_ns == kept
    assert (tmp_path / "out/A/report.html").stat().st_mtime_ns == page
    for name in "ABC":
        assert names(tmp_path / "out" / name) == LONE
    assert [r["status"] for r in table(tmp_path)] == ["done"] * 3


def test_a_series_stopped_before_its_alignment_was_written_begins_again(
    command: Command, data: Path, tmp_path: Path
) -> None:
    """All that it left is the claim to its folder."""
    words = ("data/A.mrc", "data/B.mrc", *QUICK, "report=false")
    assert command(*words).returncode == 0
    assert names(tmp_path / "out") == ["A", "B"]
    shutil.rmtree(tmp_path / "out/B")
    (tmp_path / "out/B").mkdir()
    (tmp_path / "out/B/unfinished-alignment.json").write_text(json.dumps({"files": ["run.json"]}))
    done = command(*words, "resume=true")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/B/tomogram.mrc").exists()


def test_algorithms_times_series(command: Command, data: Path, tmp_path: Path) -> None:
    done = command(
        "data/A.mrc", "data/B.mrc", "algorithm=wbp,cgls", "-m", "align.rounds=0", *QUICK[2:]
    )
    assert done.returncode == 0, done.stderr
    for name in "AB":
        assert names(tmp_path / "out" / name) == [
            "0_algorithm=wbp",
            "1_algorithm=cgls",
            "report.csv",
            "report.html",
        ]
        methods = (tmp_path / "out" / name / "report.csv").read_text("utf-8").splitlines()
        assert [row.split(",")[0] for row in methods[1:3]] == ["wbp", "cgls"]
    assert "read, cleaned and aligned as for the run before" in done.stdout
    assert [(r["series"], r["run"]) for r in table(tmp_path)] == [
        ("A", "algorithm=wbp"),
        ("A", "algorithm=cgls"),
        ("B", "algorithm=wbp"),
        ("B", "algorithm=cgls"),
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["data/*.mrcs"], "data/*.mrcs matches nothing"),
        (["data/A.mrc", "data/A.mrc"], "given twice"),
        (["data/A.mrc", "data/D.mrc"], "D.mrc not found in"),
        (["data/A.mrc", "algorithm.weight", "threads=1"], "algorithm.weight not found in"),
        (["data"], "give its stacks: data/*.mrc"),
        (["data/A.mrc", "input=data/B.mrc"], "one of them wanted"),
        (["input=data/A.mrc,data/B.mrc"], "write input=[data/A.mrc,data/B.mrc]"),
        (["data/A.mrc", "data/B.mrc", "algorithm.relaxation=5"], "algorithm.relaxation"),
        (["data/A.mrc", "data/B.mrc", "algorithm.n_iter=5"], "algorithm.n_iterations"),
        (["data/A.mrc", "data/B.mrc", "resume=true"], "output=DIR"),
    ],
)
def test_a_mistake_of_the_command_is_said_once_before_the_work(
    command: Command, data: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert names(tmp_path) == ["data"]


def test_an_option_that_does_not_suit_one_series_names_it(
    command: Command, data: Path, tmp_path: Path
) -> None:
    """30 is a view of none, and -60:60:6 are 21 tilts for 23 views."""
    for option, says in (("exclude=[30]", "exclude"), ("angles=-60:60:6", "21")):
        done = command("data/A.mrc", "data/B.mrc", *QUICK, option)
        assert done.returncode == 2
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert [e.split(": ")[1] for e in errors] == ["A", "B"]
        assert all(says in e for e in errors)


def test_check_looks_at_all_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recon.cli", "check", "data/A.mrc", "data/broken.mrc", "data/B.mrc"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout.count("ok: would run") == 2
    errors = done.stderr.splitlines()
    assert errors[0].startswith("error: broken: broken.mrc is truncated")
    assert errors[1].startswith("error: 1 of 3 series would not run (broken)")
    assert names(tmp_path) == ["data"]
