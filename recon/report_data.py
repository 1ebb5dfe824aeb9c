"""What the report shows of a finished run: its record, its numbers, and planes of its volume, read section by section."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from recon.errors import UserError
from recon.io.mrc_header import HEADER_BYTES, MrcHeader, parse_header
from recon.metrics import fsc, nrmse, psnr, ssim

LARGEST_SIDE = 256  # of a shown picture, in pixels
SCORED_VOXELS = 20_000_000  # of a larger volume the middle rows are scored
_NOT_A_DIFFERENCE = ("output", "resume", "also", "threads", "memory_gb", "_partial_")


@dataclass(frozen=True, eq=False)
class Planes:
    """Sections through a volume: ``xy`` (section, y, x), ``xz`` (section, z, x), ``zy`` (section, z, y), in-plane block means.

    ``at``: the index of each section on its own axis. ``middle_xz``: (z, x) at full resolution. ``shape``: of the volume, (z, y, x).
    """

    planes: Mapping[str, np.ndarray]
    at: Mapping[str, list[int]]
    middle_xz: np.ndarray
    shape: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Run:
    """One row of the report. ``failure``: a sentence, or empty. ``numbers``: what the table holds, by column."""

    label: str
    folder: Path
    record: Mapping[str, object]
    failure: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fsc: tuple[np.ndarray, np.ndarray] | None = None

    def dictionary(self, key: str) -> dict[str, object]:
        """An entry of the record that should be a dictionary; empty when it is missing or is something else."""
        found = self.record.get(key)
        return {str(k): v for k, v in found.items()} if isinstance(found, dict) else {}

    def series(self, key: str) -> np.ndarray:
        """An entry that should be a list of numbers; what is no finite number becomes NaN."""
        return number_list(self.record.get(key))


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs with their numbers. A folder that holds no readable run becomes a failed row, not an exception."""
    loaded = [_load(Path(folder)) for folder in folders]
    return [_with_numbers(replace(run, label=label)) for run, label in zip(loaded, _labels(loaded), strict=True)]


def _load(folder: Path) -> Run:
    try:
        record = json.loads((folder / "run.json").read_text("utf-8"))
    except FileNotFoundError:
        return Run(folder.name, folder, {}, "run.json is missing: the run was stopped or did not start")
    except (OSError, ValueError) as error:
        return Run(folder.name, folder, {}, f"run.json cannot be read: {error}")
    if not isinstance(record, dict):
        return Run(folder.name, folder, {}, "run.json does not hold a record")
    return Run(str(record.get("algorithm", folder.name)), folder, record)


def _labels(runs: Sequence[Run]) -> list[str]:
    """The algorithm's name, and where two runs share it, the options in which they differ."""
    labels = []
    for run in runs:
        same = [r for r in runs if r.label == run.label]
        flat = [flatten(r.dictionary("config")) for r in same]
        keys = dict.fromkeys(k for f in flat for k in f if k.rsplit(".", 1)[-1] not in _NOT_A_DIFFERENCE)
        mine = flatten(run.dictionary("config"))
        differing = [k for k in keys if len({repr(f.get(k)) for f in flat}) > 1]
        labels.append(" ".join([run.label, *(_option(k, mine.get(k)) for k in differing)])[:70])
    return [f"{label} #{i + 1}" if labels.count(label) > 1 else label for i, label in enumerate(labels)]


def _option(key: str, value: object) -> str:
    """``algorithm.n_iterations`` -> ``n_iterations=50``; ``restore._target_`` -> ``restore=unet``."""
    words = key.split(".")
    if words[-1] == "_target_":
        return f"{words[-2] if len(words) > 1 else key}={str(value).rsplit('.', 1)[-1]}"
    return f"{words[-1]}={value}"


def flatten(tree: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested dictionaries as one, with dotted keys."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def number(value: object) -> float | None:
    """A finite number, or None."""
    wrong = isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value)
    return None if wrong else float(value)  # type: ignore[arg-type]


def number_list(value: object) -> np.ndarray:
    found = [number(v) for v in value] if isinstance(value, list) else []
    return np.array([math.nan if v is None else v for v in found], dtype=np.float64)


def _with_numbers(run: Run) -> Run:
    if run.failure:
        return run
    trust = run.dictionary("trust")
    found: dict[str, object] = {key: run.record.get(key) for key in ("residual", "seconds", "peak_memory_gb")}
    found["residual_over_noise"] = trust.get("whitened_residual", _whitened(run))
    withheld = trust.get("withheld")
    found["withheld"] = withheld.get(str(run.record.get("algorithm"))) if isinstance(withheld, dict) else withheld
    known = {"withheld", "whitened_residual", "rows", "withheld_every"}
    found |= {key: value for key, value in flatten(trust).items() if key.split(".")[0] not in known}
    scores, notes, curve = _scores(run.folder)
    found |= scores
    finite = {key: number(value) for key, value in found.items()}
    return replace(run, numbers={k: v for k, v in finite.items() if v is not None}, notes=notes, fsc=curve)


def _whitened(run: Run) -> float | None:
    """Root mean square of the residual over the noise per pixel; the size of the data comes from the header of the aligned stack."""
    noise, residual, rms = (number(run.record.get(k)) for k in ("noise_per_pixel", "residual", "residual_rms"))
    if rms is None and residual is not None:
        try:
            fields = read_header(run.folder / "aligned.mrc").fields
            mean, deviation = float(fields["mean"]), float(fields["rms"])
            rms = residual * math.hypot(mean, deviation) if deviation > 0 else None
        except (OSError, UserError):
            rms = None
    return None if rms is None or not noise else rms / noise


def _scores(folder: Path) -> tuple[dict[str, object], tuple[str, ...], tuple[np.ndarray, np.ndarray] | None]:
    """PSNR, SSIM, NRMSE and FSC against ``truth.mrc``; what cannot be scored is a note."""
    paths = folder / "tomogram.mrc", folder / "truth.mrc"
    if not all(path.exists() for path in paths):
        return {}, (), None
    try:
        shapes = [read_header(path).shape for path in paths]
        if shapes[0] != shapes[1]:
            return {}, (f"not scored: the tomogram has {size(shapes[0])} voxels, the truth {size(shapes[1])}",), None
        nz, ny, nx = shapes[0]
        rows = min(ny, max(1, SCORED_VOXELS // (nz * nx)))
        volume, truth = (torch.from_numpy(read_rows(path, (ny - rows) // 2, rows)) for path in paths)
    except (OSError, UserError) as error:
        return {}, (f"not scored: {error}",), None
    found: dict[str, object] = {}
    curve = None
    notes = [] if rows == ny else [f"scored on the middle {rows} of {ny} rows"]
    for name, score in (("psnr_db", psnr), ("ssim", ssim), ("nrmse", nrmse)):
        try:
            found[name] = score(volume, truth)
        except UserError as error:
            notes.append(f"no {name}: {error}")
    try:
        curve = fsc(volume, truth)
    except UserError as error:
        notes.append(f"no FSC: {error}")
    return found, tuple(notes), curve


def size(shape: Sequence[int]) -> str:
    return " × ".join(str(n) for n in shape)


def read_header(path: Path) -> MrcHeader:
    with path.open("rb") as file:
        return parse_header(file.read(HEADER_BYTES), name=path.name, file_bytes=path.stat().st_size)


def read_rows(path: Path, first: int, count: int) -> np.ndarray:
    """(z, count, x) float32: some rows of all sections of an MRC volume."""
    header = read_header(path)
    nz, ny, nx = header.shape
    rows = np.empty((nz, count, nx), np.float32)
    with path.open("rb") as file:
        for z in range(nz):
            file.seek(header.offset + header.dtype.itemsize * (z * ny + first) * nx)
            rows[z] = _take(file, count * nx, header, path).reshape(count, nx)
    return rows


def read_planes(path: Path, count: int) -> Planes:
    """Up to ``count`` sections across each axis, at most ``LARGEST_SIDE`` pixels a side. Raises ``UserError``, ``OSError``."""
    header = read_header(path)
    nz, ny, nx = header.shape
    at = {"xy": sections(nz, count), "xz": sections(ny, count), "zy": sections(nx, count)}
    fz, fy, fx = (-(-n // LARGEST_SIDE) for n in header.shape)
    xy = np.empty((len(at["xy"]), ny // fy, nx // fx), np.float32)
    xz = np.zeros((len(at["xz"]), nz // fz, nx // fx), np.float32)
    zy = np.zeros((len(at["zy"]), nz // fz, ny // fy), np.float32)
    middle = np.empty((nz, nx), np.float32)
    with path.open("rb") as file:
        file.seek(header.offset)
        for z in range(nz):
            section = _take(file, ny * nx, header, path).reshape(ny, nx)
            middle[z] = section[ny // 2]
            if z in at["xy"]:
                xy[at["xy"].index(z)] = shrink(section, fy, fx)
            if z // fz < nz // fz:  # the last sections may not fill a block
                xz[:, z // fz] += shrink(section[at["xz"]], 1, fx) / fz
                zy[:, z // fz] += shrink(section[:, at["zy"]], fy, 1).T / fz
    return Planes({"xy": xy, "xz": xz, "zy": zy}, at, middle, header.shape)


def sections(n: int, count: int) -> list[int]:
    """``count`` indices spread evenly over an axis of n, or all of them."""
    count = min(n, count)
    return [int((i + 0.5) * n / count) for i in range(count)]


def shrink(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Means of blocks of ``down`` by ``right`` pixels; a border that fills no block is left out."""
    height, width = image.shape[0] // down, image.shape[1] // right
    return np.asarray(image[: height * down, : width * right].reshape(height, down, width, right).mean((1, 3)))


def _take(file: BinaryIO, count: int, header: MrcHeader, path: Path) -> np.ndarray:
    """The next ``count`` pixels as float32; what is not finite becomes 0."""
    data = file.read(header.dtype.itemsize * count)
    if len(data) < header.dtype.itemsize * count:
        raise UserError(f"{path.name} is shorter than its header says; the run was stopped, or the disk was full")
    values = np.frombuffer(data, header.dtype).astype(np.float32)
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def crowther_frequency(run: Run) -> float | None:
    """N / (pi D) in cycles per voxel, for D the width of the volume and N the views that 180 degrees would have.

    Crowther, DeRosier and Klug 1970, doi:10.1098/rspa.1970.0119.
    """
    shape, angles = run.series("shape_zyx"), run.series("angles_deg")
    steps = np.diff(np.unique(angles[np.isfinite(angles)]))
    if shape.size != 3 or steps.size == 0 or not shape[2] > 0:
        return None
    return float(180 / np.median(steps) / (np.pi * shape[2]))
