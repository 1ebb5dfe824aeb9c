"""A volume of the user's own as a phantom: padded to a cube, in units of its own density, resampled
to any size.

A voxel is taken as a box that is filled evenly, so that volumes of all sizes hold the same mass
everywhere, and binning a finer one gives the coarser one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import sparse

from recon.errors import UserError
from recon.phantoms.base import Phantom, check_size, generator, quantise
from recon.series import Volume

# Of the positive values, that negative ones may come to in all: they are taken for noise around an
# empty background.
NOISE = 0.05
MATTER = 0.5  # of the density, from which a voxel without a given label is material 1


@dataclass(frozen=True, eq=False)
class GivenVolume:
    """``density``: (n, n, n) float32, about 1. ``labels``: (n, n, n) int16. ``voxel_nm``: None
    where the file does not say it. ``sha256``: of all that; ``notes``: for the history."""

    name: str
    voxel_nm: float | None
    density: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    notes: tuple[str, ...] = ()
    sha256: str = ""

    def __post_init__(self) -> None:
        content = hashlib.sha256(self.density.tobytes())
        content.update(self.labels.tobytes())
        object.__setattr__(self, "sha256", content.hexdigest())


def file(
    *,
    size: int | None = None,
    seed: int = 0,
    path: str | None = None,
    labels: str | None = None,
    voxel_nm: float | None = None,
    given: GivenVolume | None = None,
) -> Phantom:
    """The volume in the file ``path``, as wide as it is or ``size`` voxels wide; ``seed`` changes
    nothing.

    The engine reads ``path`` and ``labels`` and passes ``given``. ``labels``: a volume of material
    numbers; null: 1 where the density is at least half of the specimen's. ``voxel_nm``: of the
    file; null: what it says. Raises ``UserError`` for a volume whose voxel size nobody knows.
    """
    generator(seed)  # refuses what the other families refuse
    if given is None:
        raise UserError(
            f"phantom=file phantom.path={path} given, the path of a volume (MRC, TIFF, OME-Zarr) "
            f"wanted"
        )
    own_nm = given.voxel_nm if voxel_nm is None else voxel_nm
    if own_nm is None:
        raise UserError(
            f"{given.name} does not say its voxel size; pass phantom.voxel_nm=..., in nanometres"
        )
    n = given.density.shape[0]
    size = n if size is None else size
    check_size((size, size, size), 1)
    density, material = given.density, given.labels
    if size != n:
        density, material = resample(density, size), resample_labels(material, size)
    step = f"phantom file: {given.name}, {size}^3 voxels of {own_nm * n / size:g} nm"
    return Phantom(
        torch.from_numpy(quantise(density)),
        torch.from_numpy(material.copy()),
        None,
        None,
        None,
        own_nm * n / size,
        "file",
        (step, *given.notes),
    )


def prepare_volume(volume: Volume, labels: Volume | None, *, unit: float) -> GivenVolume:
    """A volume as ``file`` takes it: divided by ``unit`` (its specimen's density), padded with
    vacuum to a cube about its centre.

    Raises ``UserError`` for values that are not finite, for more negative ones than noise makes,
    for an empty volume, and for labels that are of another shape or no whole numbers >= 0.
    """
    data = volume.data.numpy()
    if bad := int((~np.isfinite(data)).sum()):
        raise UserError(
            f"{volume.name} holds {bad} values that are not finite, a density >= 0 wanted; replace "
            f"them by 0"
        )
    above, below = (float(np.maximum(v, 0).sum(dtype=np.float64)) for v in (data, -data))
    if above == 0 or not unit > 0:
        raise UserError(f"{volume.name} holds nothing above 0, a density of matter wanted")
    if below > NOISE * above:
        raise UserError(
            f"{volume.name} holds negative values, {100 * below / above:.0f} % of its positive "
            f"ones, a density >= 0 wanted; turn its sign where matter is dark, subtract its "
            f"background"
        )
    notes = [f"grey values divided by {unit:.6g}, the density of its specimen"]
    if below:
        notes.append(f"negative values, {100 * below / above:.2g} % of the positive ones, made 0")
    density = np.maximum(data, 0) / np.float32(unit)
    if labels is None:
        material = (density >= MATTER).astype(np.int16)
        notes.append(f"no labels given: 1 where the density is at least {MATTER:g}")
    else:
        material = _material(labels, data.shape, volume.name)
        notes.append(f"labels from {labels.name}")
    edge = max(data.shape)
    if min(data.shape) < edge:
        z, y, x = data.shape
        notes.append(f"{z} x {y} x {x} voxels (z, y, x) in vacuum of {edge}^3")
    return GivenVolume(
        volume.name, volume.voxel_nm, _pad(density, edge), _pad(material, edge), tuple(notes)
    )


def resample(volume: np.ndarray, size: int) -> np.ndarray:
    """(n, n, n) -> (size, size, size) means over the voxels' boxes; float32."""
    shares = overlaps(volume.shape[0], size)
    out = volume
    for _ in range(3):  # the last axis goes to the front each time
        out = np.moveaxis(out, -1, 0)
        flat = np.ascontiguousarray(out, np.float32).reshape(out.shape[0], -1)
        out = (shares @ flat).reshape(size, *out.shape[1:])
    return out


def resample_labels(labels: np.ndarray, size: int) -> np.ndarray:
    """(n, n, n) -> (size, size, size) int16: what fills most of a voxel of which half is filled."""
    most = np.zeros((size, size, size), np.float32)
    filled, out = np.zeros_like(most), np.zeros(most.shape, np.int16)
    for label in np.unique(labels[labels > 0]):
        share = resample((labels == label).astype(np.float32), size)
        out[share > most] = label
        np.maximum(most, share, out=most)
        filled += share
    out[filled < 0.5 - 1e-6] = 0
    return out


def overlaps(n: int, size: int) -> sparse.csr_array:
    """(size, n): the share of each of ``size`` equal parts of an edge that each of ``n`` covers."""
    edges = np.unique(np.concatenate([np.arange(n + 1) * size, np.arange(size + 1) * n]))
    middle = (edges[:-1] + edges[1:]) / 2  # in units of 1 / (n size) of the edge
    shares = np.diff(edges) / n
    return sparse.csr_array(
        (shares.astype(np.float32), ((middle // n).astype(int), (middle // size).astype(int))),
        shape=(size, n),
    )


def _material(labels: Volume, shape: tuple[int, ...], of: str) -> np.ndarray:
    found = labels.data.numpy()
    if found.shape != shape:
        raise UserError(
            f"labels {labels.name} of {' x '.join(map(str, found.shape))} voxels (z, y, x) given, "
            f"{' x '.join(map(str, shape))} as {of} wanted"
        )
    limit = np.iinfo(np.int16).max
    whole = np.isfinite(found).all() and (found == np.round(found)).all()
    if not whole or found.min() < 0 or found.max() > limit:
        raise UserError(
            f"labels {labels.name} from {found.min():g} to {found.max():g} given, whole numbers "
            f"from 0 (no matter) to {limit} wanted"
        )
    return np.asarray(found.astype(np.int16))


def _pad(volume: np.ndarray, edge: int) -> np.ndarray:
    before = [(edge - n) // 2 for n in volume.shape]
    after = [edge - n - b for n, b in zip(volume.shape, before, strict=True)]
    return np.pad(volume, list(zip(before, after, strict=True)))
