"""Beads found, followed and solved for, against the truth: METHODS.md B10 and harder films.
``python -m benchmarks.fiducials``.

Writes ``benchmarks/fiducials.csv``: for each case one line with the network and one with the
classical score alone. F1 is of positions within 2 pixels of a visible bead, per view and averaged;
``spots`` are candidates on their own, ``tracks`` what is left after following, predicting and
measuring again. Errors of shifts and tilts are root mean squares over the views after the freedom
that no track can tell is taken off.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from benchmarks.rows import read
from recon.align.beads.fiducial import follow
from recon.align.beads.followed import Followed
from recon.align.bundle.gauge import same_frame
from recon.align.bundle.model import TILT, Cameras, matrices
from recon.learned.bead_scores import bead_classifier
from recon.preprocess import preprocess
from recon.simulate.applied import recording
from recon.simulate.bead_film import VIEWS, Section, beads
from recon.simulate.sample import Sample

OUT = Path(__file__).with_suffix(".csv")
HARD = {
    "views": replace(VIEWS, dose_e_nm2=40.0),
    "section": Section(texture=0.8, tilt_blur_px=1.2, bar_from_deg=50.0),
    "clustered": 0.3,
    "bead_nm": 8.0,
}
CASES: dict[str, dict[str, object]] = {
    "film 256": {"size": 256, "n_beads": 12, "views": replace(VIEWS, step_deg=4.0)},
    "film 512": {"size": 512},
    "hard film 512": {"size": 512, **HARD},
    "film 1024": {"size": 1024},
}
NEAR_PX = 2.0
HIGH_DEG = 50.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Beads against the truth.")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    rows = [row for row in read(OUT) if row["case"] not in chosen.cases]
    for case in chosen.cases:
        sample = beads(**CASES[case], seed=chosen.seed)  # type: ignore[arg-type]
        stack = preprocess(sample.series, log=True).data.numpy()
        for classifier in ("network", "none"):
            began, worked = time.monotonic(), time.process_time()
            judge = bead_classifier("fiducials") if classifier == "network" else None
            found = follow(
                stack,
                sample.series.geometry.angles_deg,
                judge=judge,
                pixel_nm=1.0,
                threads=chosen.threads,
            )
            spent = {
                "seconds": f"{time.monotonic() - began:.1f}",
                "cpu_seconds": f"{time.process_time() - worked:.1f}",
            }
            rows.append(
                {"case": case, "classifier": classifier, **measured(found, sample), **spent}
            )
            print(rows[-1], flush=True)
        rows.sort(key=lambda row: list(CASES).index(row["case"]))
        with OUT.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[-1]))
            writer.writeheader()
            writer.writerows(rows)


def measured(found: Followed, sample: Sample) -> dict[str, str]:
    """All that the table shows, as text."""
    gold, applied, truth, bundle = sample.fiducials, sample.applied, sample.geometry, found.bundle
    assert gold is not None
    assert applied is not None
    assert truth.shifts_px is not None
    high = np.abs(sample.series.geometry.angles_deg) > HIGH_DEG
    spots = [c.index_px[c.score >= 0.5] for c in found.candidates]
    tracks = [found.sightings.index_px[found.sightings.view == v] for v in range(len(spots))]
    out: dict[str, str] = {"true_beads_a_view": f"{gold.visible.sum(1).mean():.1f}"}
    for name, seen in (("spots", spots), ("tracks", tracks)):
        count = np.array([_hits(a, gold.tracks_px[v][gold.visible[v]]) for v, a in enumerate(seen)])
        f1 = 2 * count[:, 0] / np.maximum(count[:, 1] + count[:, 2], 1)
        out[f"{name}_f1"], out[f"{name}_f1_above_50_deg"] = (
            f"{f1.mean():.4f}",
            f"{f1[high].mean():.4f}",
        )
        out[f"{name}_precision"] = f"{count[:, 0].sum() / max(count[:, 1].sum(), 1):.4f}"
        out[f"{name}_recall"] = f"{count[:, 0].sum() / count[:, 2].sum():.4f}"
    true_shift = np.stack(
        [-recording(truth.axis_deg, applied, v) @ truth.shifts_px[v] for v in range(len(spots))]
    )
    error = shift_errors(bundle.cameras, true_shift)
    nominal = bundle.cameras.with_column(TILT, np.deg2rad(truth.angles_deg))
    tilt = same_frame(bundle.cameras, nominal).tilt_deg - truth.angles_deg
    return out | {
        "beads": str(len(bundle.beads)),
        "views_per_bead": f"{bundle.views_per_bead.mean():.1f}",
        "residual_px": f"{bundle.mean_residual_px:.3f}",
        "leave_out_px": f"{bundle.mean_leave_out_px:.3f}",
        "shift_error_px": f"{np.sqrt((error**2).sum(1).mean()):.3f}",
        "axis_error_deg": f"{abs(bundle.axis_deg - truth.axis_deg - applied.rotations_deg.mean()):.4f}",
        "tilt_error_deg": f"{np.sqrt((tilt**2).mean()):.4f}",
        "solved_for": bundle.freedom.said(),
    }


def shift_errors(cameras: Cameras, true_px: np.ndarray) -> np.ndarray:
    """(view, 2) found minus true (dy, dx) of where the origin shows, less what another origin would
    explain."""
    onto = matrices(cameras)[:, ::-1, ::-1]
    error = cameras.shift_px - true_px
    moved = np.linalg.lstsq(onto.reshape(-1, 3), error.ravel(), rcond=None)[0]
    return np.asarray(error - onto @ moved)


def _hits(found: np.ndarray, true: np.ndarray) -> tuple[int, int, int]:
    """(found that are true, one each; found; true)."""
    if len(found) == 0 or len(true) == 0:
        return 0, len(found), len(true)
    distance, nearest = cKDTree(found).query(true)
    return len(set(nearest[distance < NEAR_PX])), len(found), len(true)


if __name__ == "__main__":
    main()
