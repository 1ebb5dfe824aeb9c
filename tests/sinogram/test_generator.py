"""The network on a half-turn: where it is steep, and which way round."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recon.sinogram.generator import STEEPEST_PX, binning, generate
from recon.sinogram.half_turn import half_turn
from recon.sinogram.start import CHANNELS, RESTORER, Start, channels

ANGLES = np.arange(-60, 60.1, 2.0)


class Doubling(nn.Module):
    """The first channel again as the change, the distance as the logarithm of the variance."""

    def forward(self, given: Tensor) -> Tensor:
        assert given.shape[1] == CHANNELS
        return given[:, [0, 4]]


def start(width: int, rows: int = 2) -> Start:
    turn = half_turn(ANGLES, np.ones(ANGLES.size, bool))
    x = torch.linspace(-1, 1, width)
    smooth = torch.exp(-3 * x**2).expand(len(turn.view), rows, width).clone()
    seen = torch.from_numpy(~turn.missing).float()[:, None, None].expand_as(smooth)
    return Start(smooth * seen, smooth, smooth, seen, 2.0, 30.0)


@pytest.mark.parametrize("width", [64, 183, 400])
def test_a_steep_half_turn_is_shown_binned_and_comes_back_in_its_own_pixels(width: int) -> None:
    turn = half_turn(ANGLES, np.ones(ANGLES.size, bool))
    factor = binning(turn, width)
    assert width / 2 / factor * np.deg2rad(turn.step_deg) <= STEEPEST_PX
    assert factor == 1 or width / 2 / (factor - 1) * np.deg2rad(turn.step_deg) > STEEPEST_PX
    given = start(width)
    made, variance = generate(Doubling(), given, turn)
    torch.testing.assert_close(made, 2 * given.restored, atol=0.02, rtol=0)
    distance = torch.from_numpy(turn.distance_deg).float() / 45
    torch.testing.assert_close(variance[:, 1, width // 2], torch.exp(distance))


def test_rows_are_independent() -> None:
    turn = half_turn(ANGLES, np.ones(ANGLES.size, bool))
    given = start(64)
    first, _ = generate(Doubling(), given, turn)
    given.restored[:, 1] = 7
    second, _ = generate(Doubling(), given, turn)
    assert torch.equal(first[:, 0], second[:, 0]) and not torch.equal(first[:, 1], second[:, 1])


def test_what_was_not_measured_is_not_shown() -> None:
    turn = half_turn(ANGLES, np.ones(ANGLES.size, bool))
    given = channels(start(64), turn.distance_deg)
    missing = torch.from_numpy(turn.missing)
    assert bool((given[:, 2, missing] == 0).all()) and bool((given[:, 3, missing] == 0).all())
    assert bool((given[:, 4, ~missing] == 0).all()) and bool((given[:, 4, missing] > 0).all())
    assert RESTORER == "irdm"  # the start of the shipped weights
