"""What a training leaves can be read by the group, used by its path, and the command for it
copied."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from torch import nn

from recon.training.weights_folder import usage, write_card, write_weights


def test_the_files_are_readable_as_far_as_the_umask_lets_them_be(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        write_weights(tmp_path, nn.Linear(2, 2))
        write_card(tmp_path, {"task": "irdm"})
    finally:
        os.umask(before)
    for name in ("weights.safetensors", "card.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o664, name


def test_the_network_is_rounded_as_its_file_is(tmp_path: Path) -> None:
    network = nn.Linear(3, 3)
    write_weights(tmp_path, network)
    assert torch.equal(network.weight, network.weight.half().float())


@pytest.mark.parametrize("name", ["irdm", "a b", "it's", "x=1,y"])
def test_the_command_survives_the_shell_and_hydra(name: str) -> None:
    words = shlex.split(usage("align=fiducial align.weights=", Path("runs") / name))
    assert words[:4] == ["python", "reconstruct.py", "TILT_SERIES", "align=fiducial"]
    (option,) = words[4:]
    parsed = OverridesParser.create().parse_override(option)
    value = parsed.value()
    assert getattr(value, "text", value) == f"runs/{name}"
