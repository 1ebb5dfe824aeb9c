"""The command line: paths, help, misspellings, exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import recon
from recon.cli import main, path_to_override
from recon.command.config import input_path

Command = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parents[1]
BAD = ROOT / "tests" / "data" / "bad"
CASES = tomllib.loads((BAD / "cases.toml").read_text("utf-8"))["case"]
SMALL = ("sample.size=32", "sample.step_deg=6", "algorithm.n_iterations=3", "align.rounds=0")


@given(
    st.text(
        st.characters(exclude_characters="\0/", exclude_categories=("Cs", "Cc")),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_path_survives_the_rewrite(name: str) -> None:
    """Whatever characters the name holds, Hydra's parser gives it back."""
    path = f"/no/such/folder/{name}"
    override = OverridesParser.create().parse_override(path_to_override([path])[0])
    assert input_path(OmegaConf.create({"input": override.value()})) == Path(path)


@pytest.mark.parametrize(
    "words",
    [
        ["algorithm=tv"],
        ["+model=quicklook"],
        ["~align"],
        ["-m", "algorithm=wbp,sirt"],
        ["--help"],
        [],
    ],
)
def test_what_is_no_path_is_left_alone(words: list[str]) -> None:
    assert path_to_override(words) == words


@pytest.mark.parametrize(
    "name",
    [
        "a${b}.mrc",
        "x${oc.env:HOME}.mrc",
        r"\${b}.mrc",
        r"back\slash.mrc",
        "quote'd.mrc",
        'say "x".mrc',
        "ü[1] {2}.mrc",
    ],
)
def test_a_path_means_itself(name: str) -> None:
    override = OverridesParser.create().parse_override(path_to_override([f"./{name}"])[0])
    assert input_path(OmegaConf.create({"input": override.value()})) == Path(name)


def test_a_path_is_found_behind_the_multirun_flag() -> None:
    assert path_to_override(["-m", "ts.mrc", "algorithm=wbp,sirt"])[1] == "input='ts.mrc'"


def test_an_existing_file_whose_name_looks_like_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dose=3,tilt=60.mrc").touch()
    assert path_to_override(["dose=3,tilt=60.mrc"]) == ["input='dose=3,tilt=60.mrc'"]


Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tiltwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Main:
    """The console script in this process and an empty folder: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["tiltwise", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not list(tmp_path.iterdir())
        out, err = capsys.readouterr()
        return int(str(ended.value.code)), out, err

    return run


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_tiltwise_alone_lists_its_commands(tiltwise: Main, words: tuple[str, ...]) -> None:
    status, out, err = tiltwise(*words)
    assert status == (0 if words else 2)
    for name in ("reconstruct", "train", "info", "check", "--version"):
        assert f"tiltwise {name}" in (out if words else err)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("recon", "did you mean reconstruct?"),
        ("Train", "did you mean train?"),
        ("algorithm=tv", "write tiltwise reconstruct algorithm=tv"),
        ("xyz", "one of reconstruct, info, check, score, train wanted"),
    ],
)
def test_a_word_that_is_no_command(tiltwise: Main, word: str, says: str) -> None:
    status, _, err = tiltwise(word)
    assert status == 2
    assert says in err.splitlines()[0]


@pytest.mark.parametrize("name", ["", "reconstruct", "train", "info", "check"])
def test_every_command_says_its_version(tiltwise: Main, name: str) -> None:
    status, out, _ = tiltwise(*name.split(), "--version")
    assert status == 0
    assert out.startswith(f"tiltwise {recon.__version__} (python ")
    assert f"torch {version('torch')}" in out


@pytest.mark.parametrize("name", ["reconstruct", "train", "info", "check"])
def test_every_command_has_its_help(tiltwise: Main, name: str) -> None:
    status, out, err = tiltwise(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: tiltwise {name}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("reconstruct", "algorithm=TV", "--help"), "did you mean tv?"),
        (("info", "algorithm.n_iter=3"), "did you mean algorithm.n_iterations?"),
        (("check", "model=irdm"), "+model=irdm"),
        (("check", "algorithm=wbp,sirt", "-m"), "takes no flags"),
        (("info", "no_such.mrc"), "not found"),
        (("info",), "tiltwise info FILE"),
        (("info", "x.mrc", "y.mrc"), "a tilt series comes first"),
        (("check", "algorithm=null"), "Config group"),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_sentence(
    tiltwise: Main, words: tuple[str, ...], says: str
) -> None:
    status, out, err = tiltwise(*words)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")
    assert says in err


def test_help_and_misspellings_load_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, contextlib\n"
        "from recon.cli import main\n"
        "for words in (['reconstruct', '--help'], ['train', '--help'], ['--version'],\n"
        "              ['info', 'x.mrc', 'bin=2'], ['reconstruct', 'algorithm=TV']):\n"
        "    sys.argv = ['tiltwise', *words]\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        main()\n"
        "heavy = ('torch', 'numba', 'scipy', 'matplotlib')\n"
        "print('loaded', [m for m in heavy if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert done.stderr.count("error: ") == 2
    assert not list(tmp_path.iterdir())


def test_info_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recon.cli", "info", str(BAD / "nan.mrc"), "angles=-60:60:30"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 2
    assert "missing wedge 60 of 180 degrees" in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "NaN" in done.stderr
    assert not list(tmp_path.iterdir())


def test_cfg_prints_what_would_run(command: Command) -> None:
    done = command("ts.mrc", "algorithm=tv", "--cfg", "job")
    assert done.returncode == 0
    assert "input: ts.mrc" in done.stdout
    assert "weight: auto" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["algorithm.n_iteration=5"], "did you mean algorithm.n_iterations?"),
        (["+model=irdm9"], "converged_tv"),
        (["algorithm=wbp,sirt"], "-m"),
        (["no_such.mrc"], "not found"),
        (["resume=true", "output=nowhere"], "no unfinished run"),
        (["projector=tomopy"], "conda install"),
        (["thickness_px=100000", *SMALL], "thickness_px"),
        (["memory_gb=0.1", *SMALL], "raise memory_gb"),
        (["angles=[1,2"], "cannot be read"),
        (["algorithm=wbp", "ts.mrc"], "a tilt series comes first"),
        (["pixel_nm=abc"], "pixel_nm"),
        (["angles=-60:60:2"], "the built-in sample has its own"),
        (["algorithm=null"], "Config group"),
        (["resume=no"], "true or false"),
        (["algorithm.n_iterations=0"], "1 or more"),
        (["algorithm.relaxation=5"], "diverges"),
        (["algorithm.minimum=5", "algorithm.maximum=1"], "minimum <= maximum"),
        (["align.working_px=0", *SMALL[:3]], "align.working_px"),
        (["align.rounds=-1", *SMALL[:3]], "align.rounds"),
        (["sample.step_deg=0"], "step_deg"),
        (["sample.size=0"], "size"),
        (["algorithm=tv", "algorithm.noise=-1"], "noise"),
        (["algorithm=sart", "algorithm.n_subsets=100", *SMALL[:2], "align.rounds=0"], "n_subsets"),
        (["+algorithm.start=1"], "start"),
        (["thickness_px=0", *SMALL], "thickness_px"),
    ],
)
def test_a_mistake_is_one_sentence_status_2_and_leaves_nothing(
    command: Command, tmp_path: Path, words: list[str], says: str
) -> None:
    done = (
        command("output=out", *words)
        if not any(w.startswith("output=") for w in words) and "mrc" not in words[0]
        else command(*words)
    )
    if says == "conda install" and shutil.which("conda"):
        pytest.skip("TomoPy may be installed here")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning:")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.get("cli", True)][::6], ids=lambda c: Path(c["file"]).name
)
def test_bad_files_end_with_status_2(
    command: Command, tmp_path: Path, case: dict[str, object]
) -> None:
    """Every sixth case through the whole command; tests/test_bad_input_files.py walks all of
    them."""
    done = command(
        str(BAD / str(case["file"])),
        *[str(a) for a in case.get("args", [])],
        f"output={tmp_path / 'out'}",
        cwd=BAD,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    for word in case["says"]:
        assert word in done.stderr
    assert not (tmp_path / "out").exists()


def test_several_algorithms_in_one_command(command: Command, tmp_path: Path) -> None:
    words = (
        "algorithm=wbp,cgls",
        "-m",
        "output=both",
        "sample.size=32",
        "sample.step_deg=6",
        "align.rounds=0",
    )
    done = command(*words)
    assert done.returncode == 0, done.stderr
    runs = sorted(p for p in (tmp_path / "both").iterdir() if p.is_dir())
    assert (tmp_path / "both/report.html").stat().st_size < 15e6
    assert "wbp" in (tmp_path / "both/report.csv").read_text()
    assert [json.loads((r / "run.json").read_text())["algorithm"] for r in runs] == ["wbp", "cgls"]
    assert [p.name for p in tmp_path.iterdir()] == ["both"]  # nothing of Hydra's

    kept = (runs[0] / "run.json").stat().st_mtime_ns
    shutil.rmtree(runs[1])  # as if the command was stopped before it
    again = command(*words, "resume=true")
    assert again.returncode == 0, again.stderr
    assert "finished before, kept" in again.stdout
    assert (runs[0] / "run.json").stat().st_mtime_ns == kept
    assert (runs[1] / "tomogram.mrc").exists()
