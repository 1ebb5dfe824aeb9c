"""An analysis on a run's folder: the tomogram and the truth from the disk, the findings to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from recon.analyze.base import Findings, Known
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io import read_volume, write_volume
from recon.io.xyz import read_xyz, write_xyz
from recon.metrics.overlay import overlay
from recon.series import Volume
from recon.simulate.sample import Sample
from recon.stage import Analysis, Bound

ATOMS, LABELS, TRUE_POSITIONS, TRUE_LABELS = (
    "atoms.xyz",
    "labels.mrc",
    "truth_positions.xyz",
    "truth_labels.mrc",
)
RESULTS = (ATOMS, LABELS, TRUE_POSITIONS, TRUE_LABELS)

Stage = Bound[Analysis[..., Findings], Findings]


def is_wanted(stage: Stage) -> bool:
    """False for ``analyze=none``."""
    return stage.declared.volumes > 0


def write_known(out: Path, sample: Sample, found: Geometry, factor: int) -> None:
    """The true labels where the found geometry puts them, and the true positions, of a sample that
    has them.

    A voxel of the binned and moved labels is what fills most of it if that fills half of it, as in
    the phantoms.
    """
    if sample.positions_nm is not None:
        write_xyz(
            out / TRUE_POSITIONS,
            sample.positions_nm,
            None,
            element="X",
            comment="true positions, from the specimen's centre",
        )
    if sample.labels is None:
        return
    names = [k for k in torch.unique(sample.labels).tolist() if k != 0]
    shares, made = [], sample.truth
    for name in names:
        one = Volume(
            (sample.labels == name).float(), made.voxel_nm, "labels", made.history, "share"
        )
        shares.append(overlay(one, sample.geometry, found, factor))
    if shares:
        share = np.stack([s.data.numpy() for s in shares])
        label = np.where(share.sum(0) >= 0.5, np.array(names)[share.argmax(0)], 0)
        data = torch.from_numpy(label.astype(np.float32))
        write_volume(
            Volume(data, shares[0].voxel_nm, "true labels", shares[0].history, "label"),
            out / TRUE_LABELS,
        )


def analyze(stage: Stage, out: Path, *, memory_gb: float, console: Console) -> dict[str, object]:
    """Run ``stage`` on the tomogram in ``out``, write ``atoms.xyz`` and ``labels.mrc``; returns the
    facts for the record.

    A tomogram that cannot be analysed is said, and is no failure: the tomogram itself is good.
    """
    if not is_wanted(stage):
        return {}
    try:
        need = stage.declared.volumes * (out / "tomogram.mrc").stat().st_size / 1e9
        if need > memory_gb:
            raise UserError(
                f"memory_gb={memory_gb:.2g} given, {need:.1f} wanted for the analysis; raise it or "
                f"use preprocess.bin=2"
            )
        found = stage(read_volume(out / "tomogram.mrc"), known=_known(out))
    except UserError as error:
        console.warn(f"no analysis: {error}")
        return {"failed": str(error)}
    written = []
    if found.positions_nm is not None:
        written.append(("atoms", ATOMS))
        write_xyz(
            out / ATOMS,
            found.positions_nm,
            found.heights,
            element=found.element,
            comment=found.sentence,
        )
    if found.labels is not None:
        written.append(("labels", LABELS))
        write_volume(found.labels, out / LABELS)
    console.say(found.sentence, *(f"{what}: {out / name}" for what, name in written))
    if found.warning:
        console.warn(found.warning)
    return dict(found.facts)


def _known(out: Path) -> Known:
    labels = (
        read_volume(out / TRUE_LABELS).data.to(torch.int16)
        if (out / TRUE_LABELS).exists()
        else None
    )
    positions = read_xyz(out / TRUE_POSITIONS) / 10 if (out / TRUE_POSITIONS).exists() else None
    return Known(labels, positions)
