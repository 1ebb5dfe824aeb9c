"""A volume of the user's own keeps its mass and its labels at every size, and what is no density is
a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.phantoms.file import (
    GivenVolume,
    file,
    overlaps,
    prepare_volume,
    resample,
    resample_labels,
)
from recon.series import Volume


def volume(data: np.ndarray, voxel_nm: float | None = 2.0) -> Volume:
    return Volume(torch.from_numpy(data.astype(np.float32)), voxel_nm, "mine", unit="density")


def blob(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).random(shape) + 0.1


def given(shape: tuple[int, int, int] = (12, 12, 12), **options: object) -> GivenVolume:
    return prepare_volume(volume(blob(shape)), None, unit=1.0, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [12, 24, 8, 18, 36, 9])
def test_every_size_holds_the_same_mass_in_the_same_box(size: int) -> None:
    own, p = file(given=given()), file(given=given(), size=size)
    assert p.density.shape == (size, size, size)
    assert size * p.voxel_nm == pytest.approx(24.0)
    mass, before = (float(v.density.double().sum()) * v.voxel_nm**3 for v in (p, own))
    assert mass == pytest.approx(before, rel=1e-5)
    for axis in range(3):  # nor does it move
        at, was = (
            (v.density.double().sum([a for a in range(3) if a != axis]) @ middles(v)).item()
            / float(v.density.double().sum())
            for v in (p, own)
        )
        assert at == pytest.approx(was, abs=0.02)


def middles(phantom: object) -> torch.Tensor:
    n = phantom.density.shape[0]  # type: ignore[attr-defined]
    return (torch.arange(n, dtype=torch.float64) + 0.5) * (24.0 / n) - 12.0


def test_a_finer_one_binned_is_the_coarser_one() -> None:
    """What the simulators record on a finer grid is what the truth says."""
    coarse, fine = (file(given=given(), size=n).density for n in (12, 24))
    binned = torch.nn.functional.avg_pool3d(fine[None, None], 2)[0, 0]
    torch.testing.assert_close(binned, coarse, atol=2e-6, rtol=0)


def test_overlaps_are_shares_of_the_new_parts() -> None:
    np.testing.assert_allclose(overlaps(2, 3).toarray(), [[1, 0], [0.5, 0.5], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(overlaps(4, 2).toarray(), [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])


def test_axes_stay_where_they_are() -> None:
    data = blob((4, 4, 4))
    want = data.reshape(2, 2, 2, 2, 2, 2).mean((1, 3, 5))
    np.testing.assert_allclose(resample(data, 2), want, rtol=1e-6)


def test_labels_follow_the_majority_of_what_is_half_filled() -> None:
    labels = np.zeros((4, 4, 4), np.int16)
    labels[:2, :2, :2] = 3
    labels[0, 0, 0] = 5
    labels[2:, :2, :2].reshape(-1)[:] = 0
    labels[2, 0, 2:] = 7  # a quarter of a block
    want = np.zeros((2, 2, 2), np.int16)
    want[0, 0, 0] = 3
    np.testing.assert_array_equal(resample_labels(labels, 2), want)
    np.testing.assert_array_equal(
        resample_labels(labels, 8), labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    )


def test_a_slab_is_put_in_vacuum_about_its_centre_and_its_labels_with_it() -> None:
    data = blob((4, 10, 7))
    labels = volume(np.full((4, 10, 7), 2.0))
    p = file(given=prepare_volume(volume(data), labels, unit=0.5))
    assert p.density.shape == (10, 10, 10)
    np.testing.assert_allclose(p.density[3:7, :, 1:8], data / 0.5, atol=1e-5)
    assert float(p.density.sum()) == pytest.approx(float(data.sum() / 0.5), rel=1e-5)
    assert p.labels[3:7, :, 1:8].eq(2).all()
    assert int(p.labels.sum()) == 2 * 4 * 10 * 7
    told = " ".join(p.history)
    assert "divided by 0.5" in told
    assert "4 x 10 x 7" in told


def test_without_labels_matter_is_what_is_half_as_dense() -> None:
    data = np.zeros((8, 8, 8))
    data[2:5], data[5:] = 0.8, 0.3
    p = file(given=prepare_volume(volume(data), None, unit=1.0))
    assert torch.equal(p.labels == 1, p.density > 0.5)


def test_a_little_noise_below_zero_is_made_zero_and_said() -> None:
    data = blob((8, 8, 8))
    data[0, 0, 0] = -0.5
    p = file(given=prepare_volume(volume(data), None, unit=1.0))
    assert float(p.density.min()) == 0
    assert any("negative values" in line for line in p.history)


def test_content_tells_two_volumes_apart() -> None:
    one, same = given(), given()
    other = prepare_volume(volume(blob((12, 12, 12)) + 1e-3), None, unit=1.0)
    assert one.sha256 == same.sha256 != other.sha256
    assert one.sha256 in repr(one)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (np.full((8, 8, 8), np.nan), "512 values that are not finite"),
        (-blob((8, 8, 8)), "nothing above 0"),
        (np.zeros((8, 8, 8)), "nothing above 0"),
        (blob((8, 8, 8)) - 0.4, "negative values, .* turn its sign"),
    ],
)
def test_what_is_no_density_is_a_sentence(data: np.ndarray, says: str) -> None:
    with pytest.raises(UserError, match=f"mine holds {says}"):
        prepare_volume(volume(data), None, unit=1.0)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.ones((8, 8, 4)), r"of 8 x 8 x 4 voxels \(z, y, x\) given, 8 x 8 x 8"),
        (np.full((8, 8, 8), 0.5), "whole numbers"),
        (np.full((8, 8, 8), -1.0), "whole numbers"),
        (np.full((8, 8, 8), 40000.0), "to 32767 wanted"),
        (np.full((8, 8, 8), np.nan), "whole numbers"),
    ],
)
def test_labels_that_do_not_fit_are_a_sentence(labels: np.ndarray, says: str) -> None:
    with pytest.raises(UserError, match=says):
        prepare_volume(volume(blob((8, 8, 8))), volume(labels), unit=1.0)


def test_a_voxel_size_that_nobody_knows_is_a_sentence() -> None:
    unknown = prepare_volume(volume(blob((8, 8, 8)), None), None, unit=1.0)
    with pytest.raises(UserError, match=r"pass phantom\.voxel_nm"):
        file(given=unknown)
    assert file(given=unknown, voxel_nm=3.0).voxel_nm == 3.0


def test_without_a_file_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"phantom\.path=None given"):
        file()
