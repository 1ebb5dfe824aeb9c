"""The parser of the YAML files' comments reads what YAML reads, and every option is explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from recon.cli import CONFIGS
from recon.command.catalogue import (
    NOT_OPTIONS,
    chosen_by,
    options_of,
    read_config_file,
)

FILES = sorted(CONFIGS.rglob("*.yaml"))
CHOICES = [p for p in FILES if p.parent != CONFIGS and p.parent.name != "model"]


def keys(node: dict[str, object], above: str = "") -> Iterator[str]:
    """Dotted keys of a YAML file, but for Hydra's own."""
    for key, value in node.items():
        if key.startswith("_") or (not above and key in NOT_OPTIONS):
            continue
        yield f"{above}{key}"
        if isinstance(value, dict):
            yield from keys(value, f"{above}{key}.")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(CONFIGS).as_posix())
def test_the_parser_finds_the_keys_that_yaml_finds(path: Path) -> None:
    assert list(read_config_file(path).options) == list(keys(yaml.safe_load(path.read_text())))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(CONFIGS).as_posix())
def test_every_option_is_explained_and_every_file_says_what_it_is(path: Path) -> None:
    file = read_config_file(path)
    assert len(file.title) > 8
    if path in CHOICES:
        said = options_of(CONFIGS, path.parent.name, path.stem)
    elif path.parent == CONFIGS:
        said = file.options
    else:
        return  # a recipe: its options are another file's
    assert not [name for name, comment in said.items() if len(comment) < 4]


def test_a_comment_begins_outside_quotes_only(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "# @package _global_\n# One.\n# Two.\na: 'x # y' # of a\nb: \"#1\"\nc:  # of c\n"
        "  d: a#b # of d\n  # aside\n  e: [1, 2]\nf: 1\n"
    )
    file = read_config_file(path)
    assert file.title == "One. Two."
    assert dict(file.options) == {
        "a": "of a",
        "b": "",
        "c": "of c",
        "c.d": "of d",
        "c.e": "",
        "f": "",
    }
    assert file.groups == {"c"}


def test_a_file_that_builds_on_another_has_its_options_and_overrules_its_comments() -> None:
    base, own = (options_of(CONFIGS, "simulate", c) for c in ("brightfield", "crystals"))
    assert set(base) == set(own)
    assert base["seed"] == own["seed"]
    assert base["bragg"] != own["bragg"]


@pytest.mark.parametrize(
    ("words", "group", "chosen"),
    [
        ([], "algorithm", ["sirt"]),
        (["algorithm=tv"], "algorithm", ["tv"]),
        (["algorithm=wbp,tv"], "algorithm", ["wbp", "tv"]),
        (["+model=quicklook"], "algorithm", ["wbp"]),
        (["+model=quicklook", "algorithm=cgls"], "algorithm", ["cgls"]),
        ([], "phantom", []),
    ],
)
def test_what_a_command_line_chooses(words: list[str], group: str, chosen: list[str]) -> None:
    assert chosen_by(CONFIGS, "reconstruct", words)[group] == chosen


def test_a_network_is_by_default_its_tasks() -> None:
    assert chosen_by(CONFIGS, "train", ["task=primal_dual"])["network"] == ["primal_dual"]
