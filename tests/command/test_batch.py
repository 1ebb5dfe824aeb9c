"""Which folders the runs of one command get, and what stops it before the work."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from recon.cli import CONFIGS, path_to_override
from recon.command.batch import Batch, check_batch, plan_batch
from recon.command.compose import compose_config
from recon.command.job import Job, job_of
from recon.errors import UserError
from recon.run.folder import PAGE_MARK


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("x/A.mrc", "y/A.mrc", "x/B.mrc"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    return tmp_path


def planned(*words: str) -> Batch:
    """Sweeps composed as Hydra's own sweeper does: the last option varies fastest."""
    several = "-m" in words
    given = [w for w in path_to_override(words) if w != "-m"]
    choices = []
    for override in OverridesParser.create().parse_overrides(given):
        values = (
            [f"{override.key_or_group}={v}" for v in override.sweep_string_iterator()]
            if override.is_sweep_override()
            else [override.input_line or ""]
        )
        choices.append(values)
    jobs = [
        Job(compose_config(CONFIGS, "reconstruct", combined)[0], job_options(combined))
        for combined in itertools.product(*choices)
    ]
    return plan_batch(jobs, several=several)


def job_options(words: tuple[str, ...]) -> dict[str, str]:
    return dict(w.lstrip("+").partition("=")[::2] for w in words)


def folders(batch: Batch) -> list[str]:
    return [run.folder.as_posix() for series in batch.series for run in series.runs]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["x/A.mrc", "output=o"], ["o"]),
        (["x/*.mrc", "output=o"], ["o/A", "o/B"]),
        (["x/B.mrc", "x/A.mrc", "y/A.mrc", "output=o"], ["o/B", "o/x_A", "o/y_A"]),
        (["input=x/A.mrc,x/B.mrc", "output=o", "-m"], ["o/A", "o/B"]),
        (
            ["x/A.mrc", "algorithm=sirt,tv", "output=o", "-m", "threads=1"],
            ["o/0_algorithm=sirt", "o/1_algorithm=tv"],
        ),
        (
            ["x/A.mrc", "x/B.mrc", "algorithm=sirt,tv", "output=o", "-m"],
            [
                "o/A/0_algorithm=sirt",
                "o/A/1_algorithm=tv",
                "o/B/0_algorithm=sirt",
                "o/B/1_algorithm=tv",
            ],
        ),
        (
            ["input=x/A.mrc,x/B.mrc", "angles=/x/a.tlt,/x/b.tlt", "output=o", "-m"],
            [
                "o/A/0_angles=a.tlt",
                "o/A/1_angles=b.tlt",
                "o/B/0_angles=a.tlt",
                "o/B/1_angles=b.tlt",
            ],
        ),
        (
            ["algorithm=irdm", "algorithm.weights=/a/b,/c/d", "output=o", "-m"],
            ["o/0_weights=b", "o/1_weights=d"],
        ),
        (["phantom=foam,core_shell", "output=o", "-m"], ["o/foam", "o/core_shell"]),
        (
            ["phantom=foam,core_shell", "algorithm=wbp,tv", "output=o", "-m"],
            [
                "o/foam/0_algorithm=wbp",
                "o/foam/1_algorithm=tv",
                "o/core_shell/0_algorithm=wbp",
                "o/core_shell/1_algorithm=tv",
            ],
        ),
        (["algorithm=wbp", "output=o", "-m"], ["o/0_algorithm=wbp"]),
    ],
)
def test_a_folder_for_each_series_and_in_it_for_each_run(
    words: list[str], expected: list[str]
) -> None:
    batch = planned(*words)
    assert folders(batch) == expected
    assert batch.folder == Path("o")


def test_a_folder_of_views_keeps_its_whole_name() -> None:
    for name in ("z/ts_0.5nm", "z/ts_0.7nm"):
        Path(name).mkdir(parents=True)
    assert folders(planned("z/ts_0.5nm", "z/ts_0.7nm", "output=o")) == ["o/ts_0.5nm", "o/ts_0.7nm"]


def test_every_run_gets_its_own_series_and_all_options() -> None:
    batch = planned("x/A.mrc", "x/B.mrc", "exclude=[3]", "output=o")
    configs = [run.config for series in batch.series for run in series.runs]
    assert [c.input for c in configs] == ["x/A.mrc", "x/B.mrc"]
    assert all(c.exclude == [3] for c in configs)


def test_without_output_the_folder_is_named_by_the_batch() -> None:
    batch = planned("x/A.mrc", "y/A.mrc", "x/B.mrc")
    assert batch.folder.parent.as_posix() == "runs/x_A_and_2_more"
    assert planned("x/A.mrc").folder.parent.as_posix() == "runs/A"


def test_one_folder_for_all() -> None:
    with pytest.raises(UserError, match=r"output=a,b given, one folder"):
        planned("x/A.mrc", "output=a,b", "-m")


def test_the_same_series_under_two_names_of_a_sweep() -> None:
    with pytest.raises(UserError, match="given twice"):
        planned("input=x/A.mrc,y/../x/A.mrc", "-m")


def test_two_inputs_are_refused() -> None:
    config, _ = compose_config(CONFIGS, "reconstruct", ["input=a"])
    with pytest.raises(UserError, match="one of them"):
        job_of(config, ["input=a", "input=b"])


def test_results_never_replace_another_series() -> None:
    """The second series is a result of an earlier run, where the first one's would go."""
    Path("o/A").mkdir(parents=True)
    Path("o/A/aligned.mrc").write_text("x")
    with pytest.raises(UserError, match=r"o/A/aligned\.mrc given, but .* would replace"):
        check_batch(planned("x/A.mrc", "o/A/aligned.mrc", "output=o"))
    check_batch(planned("x/A.mrc", "o/A/aligned.mrc", "output=other"))


def test_results_never_lie_among_the_views_of_a_folder() -> None:
    Path("data/C").mkdir(parents=True)
    Path("data/C/t_0.tif").write_text("x")
    with pytest.raises(UserError, match="among its views"):
        check_batch(planned("x/A.mrc", "data/C", "output=data"))


def test_a_page_of_the_users_own_is_not_replaced() -> None:
    Path("o").mkdir()
    Path("o/overview.html").write_text("mine")
    with pytest.raises(UserError, match=r"overview\.html there would be replaced"):
        check_batch(planned("x/A.mrc", "x/B.mrc", "output=o"))
    Path("o/overview.html").write_text(f"<head>{PAGE_MARK}")
    check_batch(planned("x/A.mrc", "x/B.mrc", "output=o"))
