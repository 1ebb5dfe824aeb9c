"""What every network of ours keeps: published sizes, any slice size, nothing changed before
training, nothing of recon imported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import models
from models.discriminator import Discriminator
from models.primal_dual import PrimalDual
from models.slice_unet import SliceUNet, parameter_count
from models.unetpp import UNetPlusPlus
from models.view_unet import ViewUNet

SMALL = (4, 4, 4, 4, 4, 4)


def test_the_published_generator_has_its_published_number_of_parameters() -> None:
    assert parameter_count(UNetPlusPlus()) == 9_162_753


def test_the_published_discriminator_has_its_published_number_of_parameters() -> None:
    assert parameter_count(Discriminator()) == pytest.approx(0.999e6, rel=0.002)


def test_every_shipped_kind_fits_into_eight_megabytes_of_half_precision() -> None:
    unetpp = UNetPlusPlus(features=(16, 32, 64, 128, 256))
    for network in (SliceUNet(), PrimalDual(), unetpp, ViewUNet()):
        assert 2 * parameter_count(network) < 8e6


def test_an_untrained_correction_is_zero() -> None:
    network = SliceUNet(10, SMALL).eval()
    assert float(network(torch.randn(2, 10, 32, 32)).detach().abs().max()) == 0


def test_untrained_primal_dual_iterations_leave_their_start() -> None:
    network = PrimalDual(2, channels=4, memory=2, side_channels=1)
    start, y = torch.rand(3, 8, 8), torch.rand(3, 5, 8)
    out = network(
        start, y, torch.rand(3, 1, 8, 8), lambda v: v[:, :5], lambda v: torch.cat([v, v], 1)[:, :8]
    )
    assert torch.equal(out, start)


@pytest.mark.parametrize("shape", [(16, 16), (33, 17), (40, 63)])
def test_a_slice_of_any_size_keeps_its_size(shape: tuple[int, int]) -> None:
    assert SliceUNet(10, SMALL).eval()(torch.zeros(1, 10, *shape)).shape == (1, 1, *shape)
    assert ViewUNet(3, 2, SMALL).eval()(torch.zeros(1, 6, *shape)).shape == (1, 1, *shape)
    assert UNetPlusPlus(1, (2, 2, 2, 2, 2)).eval()(torch.zeros(1, 1, *shape)).shape == (
        1,
        1,
        *shape,
    )


def test_evaluation_is_deterministic_and_independent_of_the_batch() -> None:
    network = UNetPlusPlus(1, (4, 4, 8, 8, 8)).eval()
    slices = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        together = network(slices)
        alone = torch.cat([network(s[None]) for s in slices])
    assert torch.allclose(together, alone, atol=1e-6)


def test_training_mode_is_not_deterministic_there() -> None:
    """Alpha dropout: the reason why eval() matters, and that the switch is wired."""
    network = UNetPlusPlus(1, (4, 4, 8, 8, 8)).train()
    slices = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(network(slices), network(slices), atol=1e-6)


def test_models_import_nothing_of_recon() -> None:
    for path in Path(models.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "recon" for name in names), path
