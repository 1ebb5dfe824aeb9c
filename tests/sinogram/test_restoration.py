"""What is done to the views before the reconstruction, and that no other view has a say in a part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.masked import MaskedProjector
from recon.projectors.native import NativeProjector
from recon.series import TiltSeries
from recon.sinogram.none import NONE
from recon.sinogram.restoration import Restoration, parts_of, remaining_noise
from recon.stage import Step


def series(views: int = 9, rows: int = 20, columns: int = 24) -> TiltSeries:
    data = torch.from_numpy(
        np.random.default_rng(0).poisson(4, (views, rows, columns)).astype(np.float32)
    )
    return TiltSeries(data, Geometry(np.linspace(-60, 60, views), 1.0))


def mean_of_all(of: TiltSeries, *, share: float = 0.5) -> TiltSeries:
    """Mixes every view with the mean of all: the worst leak there can be."""
    mixed = (1 - share) * of.data + share * of.data.mean(0, keepdim=True)
    return of.after("mixed", data=mixed, facts={"denoise": {"share_of_mean": share}})


def one_more(of: TiltSeries) -> TiltSeries:
    """An invented view at 80 degrees, believed by a third."""
    data = torch.cat([of.data, of.data[-1:]])
    precision = torch.ones_like(data)
    precision[-1] = 1 / 3
    angles = np.append(of.geometry.angles_deg, 80.0)
    return of.after("one more", data=data, geometry=Geometry(angles, 1.0), precision=precision)


def test_nothing_to_do_is_the_series_itself() -> None:
    given = series()
    assert Restoration()(given) is given
    assert not Restoration().steps
    assert NONE()(given) is given


def test_denoising_comes_before_inpainting_and_both_are_told() -> None:
    done = Restoration(Step(mean_of_all)(share=0.25), Step(one_more)())(series())
    assert done.history[-2:] == ("mixed", "one more")
    assert done.facts["denoise"]["share_of_mean"] == 0.25  # type: ignore[index]
    assert done.facts["denoise"]["method"] == "mean_of_all"  # type: ignore[index]
    assert done.facts["inpaint"]["seconds"] >= 0  # type: ignore[index]
    assert done.precision is not None
    assert float(done.precision[-1].max()) == pytest.approx(1 / 3)


def test_a_part_knows_nothing_of_the_views_that_it_was_not_given() -> None:
    given, views = series(), np.array([0, 2, 4, 6, 8])
    other = given.data.clone()
    other[[1, 3, 5, 7]] = 1e6
    restoration = Restoration(Step(mean_of_all)())

    def make(of: Geometry) -> NativeProjector:
        return NativeProjector(of, (24, 24), 24)

    A, one = parts_of(given, restoration, make)(views, slice(4, 12))
    _, two = parts_of(replace(given, data=other), restoration, make)(views, slice(4, 12))
    assert torch.equal(one, two)
    assert one.shape == (5, 8, 24)
    assert A.geometry.angles_deg.tolist() == given.geometry.angles_deg[views].tolist()


def test_a_part_sees_the_rows_beside_it() -> None:
    def smooth(of: TiltSeries) -> TiltSeries:
        return of.after("smooth", data=avg_pool2d(of.data, 3, 1, 1, count_include_pad=False))

    given = series()
    restoration = Restoration(Step(smooth)())

    def make(of: Geometry) -> NativeProjector:
        return NativeProjector(of, (24, 24), 24)

    _, part = parts_of(given, restoration, make)(np.arange(9), slice(4, 12))
    assert torch.equal(part, restoration(given).data[:, 4:12])


def test_invented_views_are_part_of_the_operator() -> None:
    def make(of: Geometry) -> NativeProjector:
        return NativeProjector(of, (24, 24), 24)

    given = series()
    given = replace(given, precision=torch.ones_like(given.data))
    A, y = parts_of(given, Restoration(inpaint=Step(one_more)()), make)(np.arange(4), slice(0, 8))
    assert y.shape[0] == 5
    assert A.geometry.angles_deg[-1] == 80
    given.precision[:, :, :3] = 0  # type: ignore[index]
    A, _ = parts_of(given, Restoration(Step(mean_of_all)()), make)(np.arange(4), slice(0, 8))
    assert isinstance(A, MaskedProjector)


def test_noise_that_is_left_is_never_more_than_there_was() -> None:
    given = series()
    smooth = replace(given, data=avg_pool2d(given.data, 5, 1, 2))
    assert remaining_noise(smooth, 2.0) < 1
    assert remaining_noise(given, 0.1) == 0.1


def test_a_step_that_returns_something_else_is_refused() -> None:
    def cut(of: TiltSeries) -> TiltSeries:
        return of.after("cut", data=of.data[:, 1:].clone())

    def broken(of: TiltSeries) -> TiltSeries:
        return of.after("broken", data=of.data / 0)

    with pytest.raises(UserError, match="cut returned"):
        Restoration(Step(cut)())(series())
    with pytest.raises(UserError, match="not finite"):
        Restoration(Step(broken)())(series())
