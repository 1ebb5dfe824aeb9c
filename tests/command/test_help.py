"""``--help`` explains every option of what is chosen, and only of that."""

from __future__ import annotations

import re

import pytest

from recon.cli import CONFIGS
from recon.command.catalogue import choices_of, options_of, title_of
from recon.command.help import help_text
from recon.errors import UserError


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("command", "group", "word"), [
    ("reconstruct", "algorithm", "sirt"),
    ("reconstruct", "algorithm", "irdm"),
    ("reconstruct", "align", "fiducial"),
    ("reconstruct", "simulate", "fiducials"),
    ("train", "trainer", "ddp"),
    ("train", "task", "primal_dual"),
])  # fmt: skip
def test_every_option_of_a_choice_stands_there_with_its_comment(
    command: str, group: str, word: str
) -> None:
    text = flat(help_text(command, [f"{group}={word}"], CONFIGS))
    for name, comment in options_of(CONFIGS, group, word).items():
        assert re.search(rf" {group}\.{re.escape(name)}(=\S+|:) {re.escape(comment)}", text), name
    for choice in choices_of(CONFIGS, group):
        assert flat(title_of(CONFIGS, group, choice)) in text


def test_it_shows_what_the_command_would_use() -> None:
    text = help_text("reconstruct", ["algorithm=tv", "algorithm.weight=0.25"], CONFIGS)
    assert "algorithm.weight=0.25 " in text
    assert "* tv " in text
    assert "algorithm.relaxation" not in text
    assert "algorithm.n_iterations=500 " in help_text(
        "reconstruct", ["+model=converged_tv"], CONFIGS
    )
    assert "simulate.views.sweep_deg=2.0 " in help_text(
        "reconstruct", ["simulate=continuous"], CONFIGS
    )  # an interpolation
    assert "name=primal_dual " in help_text("train", ["task=primal_dual"], CONFIGS)


@pytest.mark.parametrize("command", ["reconstruct", "train"])
def test_hydras_own_keys_do_not_show_and_the_lines_fit(command: str) -> None:
    for width in (70, 100, 160):
        text = help_text(command, [], CONFIGS, width)
        assert "_target_" not in text
        assert "_partial_" not in text
        assert "$" not in text
        explained = [line for line in text.splitlines() if line.startswith(" " * 34)]
        assert max(map(len, explained)) <= width


def test_what_was_left_out_or_is_swept_needs_no_help() -> None:
    assert "families.atoms" not in help_text("train", ["~families.atoms"], CONFIGS)
    assert "align.rounds" not in help_text("reconstruct", ["~align"], CONFIGS)
    assert "* wbp" in help_text("reconstruct", ["algorithm=wbp,sirt"], CONFIGS)


def test_help_for_a_misspelt_option_is_the_sentence() -> None:
    with pytest.raises(UserError, match="did you mean tv"):
        help_text("reconstruct", ["algorithm=TV"], CONFIGS)
