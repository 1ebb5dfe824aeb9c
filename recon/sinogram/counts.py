"""Pixels as counts: what an electron or an X-ray adds to a pixel, found from the noise."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from torch import Tensor

from recon.algorithms.noise import PhotonTransfer, measure_photon_transfer
from recon.align.resample import noise_gain
from recon.errors import UserError
from recon.geometry import Geometry
from recon.series import TiltSeries

TRANSFER = "photon_transfer"  # of the views before they were resampled, among a series' facts
LEAST_GAIN = 1e-6  # of the mean: less is no counting noise
WHOLE = 1e-3  # of a count: pixels nearer to whole numbers are counts
GAIN_ERROR = 0.3  # by which the gain of true counts may seem to differ from 1


@dataclass(frozen=True)
class CountModel:
    """A pixel of expectation m is ``dark`` + ``gain`` * counts: its variance is gain * (m - dark)
    + gain^2 * ``read``, with ``read`` the variance of read-out noise in counts."""

    gain: float
    dark: float
    read: float

    @property
    def exact(self) -> bool:
        """Whether pixels are counts, one by one."""
        return self == EXACT

    def counts(self, y: Tensor) -> Tensor:
        """Of pixels ``y`` in units of the data."""
        return (y - self.dark) / self.gain

    def pixels(self, counts: Tensor) -> Tensor:
        """The inverse of ``counts``."""
        return counts * self.gain + self.dark


EXACT = CountModel(1.0, 0.0, 0.0)


def with_noise(
    aligned: TiltSeries, before: TiltSeries, moved: Geometry
) -> tuple[TiltSeries, float]:
    """(``aligned`` with what is known of its noise, its standard deviation per pixel), from the
    views ``before`` they were resampled, as ``moved`` says: interpolation smooths noise, and smooth
    noise can no longer be told from structure."""
    found = measure_photon_transfer(before.data)
    noise = found.sigma * noise_gain(moved)
    return replace(aligned, facts={**aligned.facts, TRANSFER: asdict(found)}), noise


def count_model(series: TiltSeries) -> CountModel:
    """From the noise of the views, as they were before interpolation smoothed it where that is
    known. Raises ``UserError`` where there is no noise to take out.

    Whole numbers from 0 whose noise is about that of counts are counts. Noise that does not grow
    with the signal is read-out noise of counts so small that they are next to continuous.
    """
    told = series.facts.get(TRANSFER)
    found = (
        PhotonTransfer(*(float(told[k]) for k in ("gain", "floor", "dark", "mean")))
        if isinstance(told, dict)
        else measure_photon_transfer(series.data)
    )
    model = model_of(found, series.name)
    whole = bool(((series.data - series.data.round()).abs() < WHOLE).all())
    if whole and float(series.data.min()) >= 0 and abs(model.gain - 1) < GAIN_ERROR:
        return EXACT
    return model


def model_of(found: PhotonTransfer, name: str) -> CountModel:
    """Of a photon transfer, whose noise may be the same everywhere."""
    if found.sigma <= 0:
        raise UserError(f"{name}: views without noise given, noisy ones wanted; use denoise=none")
    gain = found.gain
    if gain <= LEAST_GAIN * abs(found.mean):
        # White noise: a hundredth of it is one count, so that it is all read-out noise.
        gain = 0.01 * found.sigma
    return CountModel(gain, found.dark, found.floor / gain**2)
