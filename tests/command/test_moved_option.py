"""An option that lies deeper in its group now is named, and the command stops."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException

from recon.cli import CONFIGS
from recon.command.suggest import moved_option, option_names, sentence

KNOWN = ["g", "g.a", "g.a.x", "g.b.x", "g.b.y", "g.b.deep.z", "h.c.y", "g.top"]


def test_every_option_of_the_group_that_ends_in_the_word_is_named() -> None:
    assert moved_option("g.y", KNOWN) == "g.y was given; it is g.b.y now"
    assert moved_option("g.x", KNOWN) == "g.x was given; it is g.a.x or g.b.x now"
    assert moved_option("g.z", KNOWN) == "g.z was given; it is g.b.deep.z now"


@pytest.mark.parametrize("name", ["g.top", "g.w", "h.x", "g", "x", "g.b.y"])
def test_nothing_is_said_of_what_lies_nowhere_deeper(name: str) -> None:
    assert moved_option(name, KNOWN) is None


def test_names_reach_into_groups_and_hold_no_targets() -> None:
    names = set(option_names(CONFIGS))
    assert {"simulate.views", "simulate.views.step_deg", "sample.section.film_nm"} <= names
    assert not [n for n in names if "_target_" in n or n.endswith(".defaults")]


@pytest.mark.parametrize(
    ("words", "new"),
    [
        (["simulate.step_deg=3"], "simulate.views.step_deg"),
        (["simulate.drift_px=2"], "simulate.stage.drift_px"),
        (["simulate=cryo", "simulate.dose_e_nm2=3"], "simulate.views.dose_e_nm2"),
        (["simulate=edx", "simulate.axis=b"], "simulate.views.axis"),
        (["simulate.bad_pixels=.1"], "simulate.detector.bad_pixels"),
        (["sample=beads", "sample.step_deg=6"], "sample.views.step_deg"),
        (["sample=beads", "sample.film_nm=90"], "sample.section.film_nm"),
    ],
)
def test_an_old_spelling_is_one_sentence_with_the_new_one(words: list[str], new: str) -> None:
    with (
        initialize_config_dir(str(CONFIGS), version_base="1.3"),
        pytest.raises(ConfigCompositionException) as caught,
    ):
        compose("reconstruct", overrides=words)
    said = sentence(caught.value, ["reconstruct", *words], CONFIGS)
    assert said.startswith(f"{words[-1].split('=')[0]} was given; it is ")
    assert new in said
    assert "\n" not in said
