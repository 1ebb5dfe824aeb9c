"""The learned reconstructions keep units, the measured views and the memory of their slabs,
whatever network is inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.primal_dual import PrimalDual
from models.slice_unet import SliceUNet
from recon.errors import UserError
from recon.geometry import Geometry
from recon.learned import restore
from recon.learned.restore import IRDM, Choices, irdm, primal_dual
from recon.learned.weights import Trained
from recon.projectors.native import NativeProjector
from recon.stage import BoundMethod, volume_only

N, ROWS = 32, 6
Method = Callable[..., Tensor]


def network(kind: str, size: float) -> nn.Module:
    """Untrained, its output layers filled with noise of the given size: it changes things, and
    nothing for the better."""
    torch.manual_seed(0)
    made = SliceUNet(10, (4, 4, 4, 4, 4, 4)) if kind == "irdm" else PrimalDual(2, 4, 2, 9)
    with torch.no_grad():
        for p in made.parameters():
            if float(p.abs().max()) == 0 and p.ndim == 4:
                p.normal_(0, size)
    return made.eval()


def irdm_volume(A: NativeProjector, y: Tensor, **options: Any) -> Tensor:
    return irdm(A, y, **options)[0]


def settle(method: BoundMethod, A: NativeProjector, y: Tensor) -> dict[str, Any]:
    """The options of ``method`` without 'auto', at a noise of 0.2."""
    assert method.declared.settle is not None
    return dict(method.declared.settle(method, A, y, 0.2).method.options)


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        restore, "load_trained", lambda name, task: Trained(network(name, 0.05), {}, name)
    )


@pytest.fixture
def series() -> tuple[NativeProjector, Tensor, Tensor]:
    A = NativeProjector(Geometry(np.arange(-60.0, 61, 4), None), (N, N), N)
    z, x = np.mgrid[:N, :N] - (N - 1) / 2
    slices = [((z**2 + (x - 3) ** 2) < 60 + 3 * k).astype(np.float32) for k in range(ROWS)]
    truth = torch.from_numpy(np.stack(slices, 1))
    noise = torch.randn((31, ROWS, N), generator=torch.Generator().manual_seed(0))
    return A, A(truth) + 0.2 * noise, truth


@pytest.mark.parametrize("method", [irdm_volume, primal_dual])
def test_the_result_has_the_unit_of_the_views(
    series: tuple[NativeProjector, Tensor, Tensor], method: Method
) -> None:
    A, y, _ = series
    one, seven = method(A, y), method(A, 7 * y)
    assert float((seven - 7 * one).abs().max()) < 5e-3 * float(seven.max())


@pytest.mark.parametrize("method", [irdm_volume, primal_dual])
def test_rows_of_a_slab_are_those_of_the_whole(
    series: tuple[NativeProjector, Tensor, Tensor], method: Method
) -> None:
    """With everything settled, a slice does not depend on how many others are computed with it."""
    A, y, _ = series
    options = {
        "weight": 0.1,
        "scale": 1.0,
        "strength": 1.0,
        "consistency": 2,
        "noise": 0.2,
        "dimensions": 2,
    }
    whole = method(A, y, **options)
    part = method(A, y[:, 2:5], **options)
    assert torch.allclose(whole[:, 2:5], part, atol=2e-5)


def test_a_network_that_invents_is_given_little_say(
    series: tuple[NativeProjector, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    A, y, _ = series
    monkeypatch.setattr(
        restore, "load_trained", lambda name, task: Trained(network(name, 1.0), {}, name)
    )
    settled = settle(IRDM(), A, y)
    assert float(settled["strength"]) < 0.05


def test_without_a_correction_the_result_is_tv_made_consistent(
    series: tuple[NativeProjector, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    A, y, truth = series
    monkeypatch.setattr(
        restore,
        "load_trained",
        lambda name, task: Trained(SliceUNet(10, (4, 4, 4, 4, 4, 4)).eval(), {}, name),
    )
    x = irdm(A, y, weight=0.3)[0]
    assert float(torch.linalg.vector_norm(x - truth) / torch.linalg.vector_norm(truth)) < 0.25


def test_settled_choices_are_what_the_method_would_have_chosen(
    series: tuple[NativeProjector, Tensor, Tensor],
) -> None:
    A, y, _ = series
    settled = settle(IRDM(uncertainty=False), A, y)
    fixed = volume_only(IRDM(**settled))(A, y)
    assert torch.equal(fixed, volume_only(IRDM(noise=0.2, uncertainty=False))(A, y))


def test_a_network_that_is_not_heard_is_not_run(
    series: tuple[NativeProjector, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    A, y, _ = series
    options = {"weight": 0.3, "scale": 1.0, "consistency": 2, "noise": 0.2}
    hardly = IRDM(strength=1e-9, **options)(A, y)[0]
    monkeypatch.setattr(restore, "_corrected", lambda *_: pytest.fail("the network was run"))
    assert torch.allclose(IRDM(strength=0.0, **options)(A, y)[0], hardly, atol=1e-5)


def test_what_was_given_is_not_found(series: tuple[NativeProjector, Tensor, Tensor]) -> None:
    """The record says what stood for ``auto``; a weight of the user's is not TV's own."""
    A, y, _ = series
    assert IRDM.settle is not None
    done = IRDM.settle(IRDM(weight=0.3, strength=0.5), A, y, 0.2)
    assert done.tv_weight is None
    assert set(done.found) == {"network_scale", "network_consistency"}
    assert (done.method.options["weight"], done.method.options["strength"]) == (0.3, 0.5)


def test_mirrored_inputs_give_a_spread(series: tuple[NativeProjector, Tensor, Tensor]) -> None:
    A, y, _ = series
    x, extras = irdm(A, y, strength=1.0)
    assert extras["uncertainty"].shape == x.shape
    assert float(extras["uncertainty"].mean()) > 0
    assert float(irdm(A, y, strength=0.0)[1]["uncertainty"].max()) == 0
    assert irdm(A, y, strength=0.0, uncertainty=False)[1] == {}
    assert irdm(A, y, uncertainty=False)[1] == {}


def test_tiles_are_the_whole_slice_away_from_their_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receptive field: 4 halvings of 3 x 3 convolutions, about 70 pixels to each side."""
    net = network("irdm", 0.05)
    tv = torch.rand(384, 1, 384, generator=torch.Generator().manual_seed(1))
    made = restore.Inputs(tv, tv, torch.zeros(4), 1.0, lambda: tv)
    whole = restore.slice_by_slice(net, 3)(None, tv, made)[0]  # type: ignore[arg-type]
    monkeypatch.setattr(restore, "TILE", 256)
    tiled = restore.slice_by_slice(net, 3)(None, tv, made)[0]  # type: ignore[arg-type]
    change = float((whole - tv).pow(2).mean())
    assert float((whole - tiled).pow(2).mean()) < 0.02 * change
    corner = (slice(0, 40), slice(None), slice(0, 40))
    assert torch.allclose(whole[corner], tiled[corner], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"strength": 1.5}, "strength=1.5"),
        ({"consistency": -1}, "consistency=-1"),
        ({"weight": "some"}, "weight=some"),
        ({"scale": float("nan")}, "scale=nan"),
        ({"dimensions": 1}, "dimensions=1"),
    ],
)
def test_options_are_checked(
    series: tuple[NativeProjector, Tensor, Tensor], options: dict[str, object], says: str
) -> None:
    A, y, _ = series
    with pytest.raises(UserError, match=says):
        irdm(A, y, **options)  # type: ignore[arg-type]


def test_choices_know_auto() -> None:
    assert Choices("auto", "auto", "auto", "auto").strength == "auto"
