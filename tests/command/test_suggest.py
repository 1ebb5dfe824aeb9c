"""What a misspelt command line is told: the option that was meant, of what is chosen."""

from __future__ import annotations

import pytest

from recon.cli import CONFIGS
from recon.command.compose import compose_config
from recon.command.suggest import option_names
from recon.errors import UserError


def told(line: str, command: str = "reconstruct") -> str:
    with pytest.raises(UserError) as caught:
        compose_config(CONFIGS, command, line.split())
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("algorithm.n_iter=5", "algorithm.n_iterations"),  # the beginning of one
        ("n_iter=5", "algorithm.n_iterations"),
        ("mem=5", "memory_gb"),
        ("algo=tv", "algorithm"),
        ("algorithm.n_iteration=5", "algorithm.n_iterations"),  # spelt alike
        ("+model=converged_tv algorithm.wieght=3", "algorithm.weight"),
        ("simulate.beads.cuont=3", "simulate.beads.count"),
        ("bin=2", "preprocess.bin"),  # a bare last word
        ("weight=3 algorithm=tv", "algorithm.weight"),
        ("preprocess.n_iterations=3", "algorithm.n_iterations"),  # in another group
        ("simulate.bead.count=3", "simulate.beads.count"),
        ("tilt_axis=85", "align.axis_deg"),  # another program's word
        ("pixelsize=2", "pixel_nm"),
        ("axis_deg=3", "align.axis_deg or sample.axis_deg"),
        ("input=a.mrc axis_deg=3", "align.axis_deg"),  # a series of one's own has no sample
        ("algorithm=TV", "tv"),
        ("algorithm=primal", "primal_dual"),
        ("algorithm=srt", "sirt"),
        ("+model=IRDM", "irdm"),
    ],
)
def test_the_option_that_was_meant(line: str, meant: str) -> None:
    assert f"did you mean {meant}?" in told(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("algorithm.weight=3", ["sirt has no weight", "tv", "algorithm=NAME"]),
        ("weight=3", ["sirt has no weight", "algorithm.weight"]),
        ("algorithm.cutoff=3", ["has it", "algorithm=wbp"]),
        ("align=none align.rounds=0", ["none has no rounds", "xcorr"]),
        ("phantom.size=3", ["no phantom is chosen"]),
    ],
)
def test_an_option_of_another_choice(line: str, words: list[str]) -> None:
    assert all(word in told(line) for word in words)


def test_a_recipe_without_its_plus() -> None:
    assert "+model=irdm wanted" in told("model=irdm")


def test_nothing_alike_is_not_guessed() -> None:
    assert "did you mean" not in told("xyzzy=3")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("task=IRDM", "did you mean irdm?"),
        ("seed=3", "did you mean trainer.seed?"),
        ("families.polygons.siz=4", "did you mean families.polygons.size?"),
        ("lr=1", "did you mean trainer.learning_rate?"),
    ],
)
def test_trainings_are_told_alike(line: str, says: str) -> None:
    assert says in told(line, "train")


def test_every_name_that_is_suggested_can_be_set() -> None:
    """Each option of a default choice composes under its name."""
    names = option_names(CONFIGS)
    assert {"algorithm.n_iterations", "memory_gb", "align", "simulate.beads.count"} <= set(names)
    assert not [n for n in names if "_target_" in n]
    for name in ("preprocess.bin", "simulate.beads.count", "memory_gb", "align.rounds"):
        compose_config(CONFIGS, "reconstruct", [f"{name}=1"])
