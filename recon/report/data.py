"""What the report shows of a finished run: its record and its numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from recon.errors import UserError
from recon.io.mrc.planes import read_header
from recon.metrics.against_truth import Scores, against_truth
from recon.metrics.curve import Curve
from recon.run.record import FORMAT, Record

_NOT_A_DIFFERENCE = ("output", "resume", "also", "threads", "memory_gb", "_partial_")


@dataclass(frozen=True, eq=False)
class Run:
    """One row of the report. ``failure``: a sentence, or empty. ``numbers``: what the table holds,
    by column."""

    label: str
    folder: Path
    record: Record = field(default_factory=Record)
    failure: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fsc: Curve | None = None

    @property
    def angles_deg(self) -> np.ndarray:
        """(tilt,) float64 in file order, NaN where the record holds no number."""
        return np.array(self.record.angles_deg, np.float64)

    @property
    def reference_errors(self) -> dict[str, float]:
        """The withheld errors of the methods that this run was measured beside, by name."""
        errors = self.record.trust.withheld
        return {name: error for name, error in errors.items() if name != self.record.algorithm}


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs with their numbers. A folder that holds no readable run becomes a failed row, not an
    exception."""
    loaded = [_load(Path(folder)) for folder in folders]
    return [
        _with_numbers(replace(run, label=label))
        for run, label in zip(loaded, _labels(loaded), strict=True)
    ]


def _load(folder: Path) -> Run:
    def failed(sentence: str) -> Run:
        return Run(folder.name, folder, failure=sentence)

    try:
        raw = json.loads((folder / "run.json").read_text("utf-8"))
    except FileNotFoundError:
        return failed("run.json is missing: the run was stopped or did not start")
    except (OSError, ValueError, RecursionError) as error:
        return failed(f"run.json cannot be read: {error}")
    if not isinstance(raw, dict):
        return failed("run.json does not hold a record")
    record = Record.from_json(raw)
    return Run(record.algorithm or folder.name, folder, record)


def _labels(runs: Sequence[Run]) -> list[str]:
    """The algorithm's name, and where two runs share it, the options in which they differ."""
    labels = []
    for run in runs:
        same = [r for r in runs if r.label == run.label]
        flat = [flatten(r.record.config) for r in same]
        keys = dict.fromkeys(
            k for f in flat for k in f if k.rsplit(".", 1)[-1] not in _NOT_A_DIFFERENCE
        )
        mine = flatten(run.record.config)
        differing = [k for k in keys if len({repr(f.get(k)) for f in flat}) > 1]
        labels.append(" ".join([run.label, *(_option(k, mine.get(k)) for k in differing)])[:70])
    return [
        f"{label} #{i + 1}" if labels.count(label) > 1 else label for i, label in enumerate(labels)
    ]


def _option(key: str, value: object) -> str:
    """``algorithm.n_iterations`` -> ``n_iterations=50``; ``restore._target_`` ->
    ``restore=unet``."""
    words = key.split(".")
    if words[-1] == "_target_":
        return f"{words[-2] if len(words) > 1 else key}={str(value).rsplit('.', 1)[-1]}"
    return f"{words[-1]}={value}"


def flatten(tree: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested dictionaries as one, with dotted keys."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def references(runs: Sequence[Run]) -> dict[str, tuple[Run, float]]:
    """Methods that the runs were measured beside and that are no run themselves: (a run that holds
    the numbers, withheld error)."""
    names = {run.record.algorithm for run in runs}
    found: dict[str, tuple[Run, float]] = {}
    for run in runs:
        for name, error in run.reference_errors.items():
            if name not in names and "withheld" in run.numbers:
                found.setdefault(name, (run, error))
    return found


def _with_numbers(run: Run) -> Run:
    if run.failure:
        return run
    record, trust, scores = run.record, run.record.trust, _scores(run)
    noted = trust.whitened_residual
    found = {
        "residual": record.residual,
        "seconds": record.seconds,
        "peak_memory_gb": record.peak_memory_gb,
        "residual_over_noise": _whitened(run) if noted is None else noted,
        "withheld": trust.withheld.get(record.algorithm),
        "noise_share_of_data": trust.noise_share_of_data,
        "invented_fraction": trust.invented_fraction,
        "changed_measured_fraction": trust.changed_measured_fraction,
        **{f"even_odd_fsc_crossing.{k}": f for k, f in trust.even_odd_fsc_crossing.items()},
        **trust.further,
        **scores.numbers,
    }
    return replace(
        run,
        numbers={k: v for k, v in found.items() if v is not None and math.isfinite(v)},
        notes=(*_format_note(record), *scores.notes),
        fsc=scores.fsc,
    )


def _format_note(record: Record) -> tuple[str, ...]:
    return (
        ()
        if record.format_version <= FORMAT
        else (
            f"run.json is of format {record.format_version} and this version of Tiltwise knows "
            f"{FORMAT}: what is new in it is not shown",
        )
    )


def _scores(run: Run) -> Scores:
    """What the run noted; an older record has no curve, and its volumes are scored now."""
    curve = run.record.fsc_with_truth
    if not run.record.window.moved and (curve is None or curve.points is None):
        return against_truth(run.folder)
    return Scores(run.record.scores, curve, run.record.score_notes)


def _whitened(run: Run) -> float | None:
    """Root mean square of the residual over the noise per pixel; the size of the data comes from
    the header of the aligned stack."""
    noise, residual = run.record.noise_per_pixel, run.record.residual
    if not noise or residual is None:
        return None
    try:
        fields = read_header(run.folder / "aligned.mrc").fields
    except (OSError, UserError):
        return None
    mean, deviation = float(fields["mean"]), float(fields["rms"])
    return residual * math.hypot(mean, deviation) / noise if deviation > 0 else None
