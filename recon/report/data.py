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

_NOT_A_DIFFERENCE = ("output", "resume", "also", "threads", "memory_gb", "_partial_")


@dataclass(frozen=True, eq=False)
class Run:
    """One row of the report. ``failure``: a sentence, or empty. ``numbers``: what the table holds,
    by column."""

    label: str
    folder: Path
    record: Mapping[str, object]
    failure: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fsc: tuple[np.ndarray, np.ndarray] | None = None

    def dictionary(self, key: str) -> dict[str, object]:
        """An entry of the record that should be a dictionary; empty when it is missing or is
        something else."""
        found = self.record.get(key)
        return {str(k): v for k, v in found.items()} if isinstance(found, dict) else {}

    def series(self, key: str) -> np.ndarray:
        """An entry that should be a list of numbers; what is no finite number becomes NaN."""
        return number_list(self.record.get(key))

    @property
    def reference_errors(self) -> dict[str, float]:
        """The withheld errors of the methods that this run was measured beside, by name."""
        errors = self.dictionary("trust").get("withheld")
        found = {str(k): number(v) for k, v in errors.items()} if isinstance(errors, dict) else {}
        return {
            k: v for k, v in found.items() if v is not None and k != self.record.get("algorithm")
        }


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs with their numbers. A folder that holds no readable run becomes a failed row, not an
    exception."""
    loaded = [_load(Path(folder)) for folder in folders]
    return [
        _with_numbers(replace(run, label=label))
        for run, label in zip(loaded, _labels(loaded), strict=True)
    ]


def _load(folder: Path) -> Run:
    try:
        record = json.loads((folder / "run.json").read_text("utf-8"))
    except FileNotFoundError:
        return Run(
            folder.name, folder, {}, "run.json is missing: the run was stopped or did not start"
        )
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
        keys = dict.fromkeys(
            k for f in flat for k in f if k.rsplit(".", 1)[-1] not in _NOT_A_DIFFERENCE
        )
        mine = flatten(run.dictionary("config"))
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
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def number(value: object) -> float | None:
    """A finite number, or None."""
    wrong = (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value)
    )
    return None if wrong else float(value)  # type: ignore[arg-type]


def number_list(value: object) -> np.ndarray:
    found = [number(v) for v in value] if isinstance(value, list) else []
    return np.array([math.nan if v is None else v for v in found], dtype=np.float64)


def curve(found: object) -> tuple[np.ndarray, np.ndarray] | None:
    """(frequency, correlation) of a dictionary that holds two lists of those names and of one
    length; None of anything else."""
    if not isinstance(found, dict):
        return None
    x, y = number_list(found.get("frequency")), number_list(found.get("correlation"))
    return (x, y) if x.size == y.size > 1 else None


def references(runs: Sequence[Run]) -> dict[str, tuple[Run, float]]:
    """Methods that the runs were measured beside and that are no run themselves: (a run that holds
    the numbers, withheld error)."""
    names = {run.record.get("algorithm") for run in runs}
    found: dict[str, tuple[Run, float]] = {}
    for run in runs:
        for name, error in run.reference_errors.items():
            if name not in names and "withheld" in run.numbers:
                found.setdefault(name, (run, error))
    return found


def _with_numbers(run: Run) -> Run:
    if run.failure:
        return run
    trust = run.dictionary("trust")
    found: dict[str, object] = {
        key: run.record.get(key) for key in ("residual", "seconds", "peak_memory_gb")
    }
    found["residual_over_noise"] = trust.get("whitened_residual", _whitened(run))
    withheld = trust.get("withheld")
    found["withheld"] = (
        withheld.get(str(run.record.get("algorithm"))) if isinstance(withheld, dict) else withheld
    )
    known = {
        "withheld",
        "whitened_residual",
        "rows",
        "withheld_every",
        "withheld_per_view",
        "reference_options",
        "even_odd_fsc",
    }
    found |= {key: value for key, value in flatten(trust).items() if key.split(".")[0] not in known}
    scores = _scores(run)
    found |= scores.numbers
    finite = {key: number(value) for key, value in found.items()}
    return replace(
        run,
        numbers={k: v for k, v in finite.items() if v is not None},
        notes=scores.notes,
        fsc=scores.fsc,
    )


def _scores(run: Run) -> Scores:
    """What the run noted; an older record has no curve, and its volumes are scored now."""
    found = curve(run.record.get("fsc_with_truth"))
    if found is None:
        return against_truth(run.folder)
    notes = run.record.get("score_notes")
    numbers = {
        k: v for k, value in run.dictionary("scores").items() if (v := number(value)) is not None
    }
    return Scores(numbers, found, tuple(str(n) for n in notes) if isinstance(notes, list) else ())


def _whitened(run: Run) -> float | None:
    """Root mean square of the residual over the noise per pixel; the size of the data comes from
    the header of the aligned stack."""
    noise, residual, rms = (
        number(run.record.get(k)) for k in ("noise_per_pixel", "residual", "residual_rms")
    )
    if rms is None and residual is not None:
        try:
            fields = read_header(run.folder / "aligned.mrc").fields
            mean, deviation = float(fields["mean"]), float(fields["rms"])
            rms = residual * math.hypot(mean, deviation) if deviation > 0 else None
        except (OSError, UserError):
            rms = None
    return None if rms is None or not noise else rms / noise
