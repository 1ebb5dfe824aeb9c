"""Options of a simulation come in groups, of which a derived file changes what it names and no
more."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from recon.command.build import build
from recon.simulate.acquire import acquire

ROOT = Path(__file__).resolve().parents[2]
CHANGES: dict[str, dict[str, object]] = {
    "haadf": {},
    "haadf_low_dose": {"views.step_deg": 3.0, "views.dose_e_nm2": 2000.0},
    "brightfield": {"contrast": "bright_field", "detector.dark_level": 0.0},
    "continuous": {"views.sweep_deg": 2.0, "views.dose_e_nm2": 5000.0},
    "crystals": {
        "contrast": "bright_field",
        "detector.dark_level": 0.0,
        "bragg.strength": 2.0,
    },
    "fiducials": {
        "film.bar_from_deg": 62.0,
        "film.bar_nm": 300.0,
        "beads.count": 12,
        "beads.clustered": 0.1,
        "stage.tilt_error_deg": 0.2,
        "stage.rotation_error_deg": 0.05,
        "stage.magnification_error": 0.002,
    },
}


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        yield


def flat(options: dict[str, Any]) -> dict[str, object]:
    return {
        name: value
        for key, group in options.items()
        for name, value in (
            {f"{key}.{k}": v for k, v in asdict(group).items()}
            if is_dataclass(group) and not isinstance(group, type)
            else {key: group}
        ).items()
    }


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_file_changes_what_it_names_and_no_more(hydra: None, name: str) -> None:
    parameters = inspect.signature(acquire).parameters
    defaults = flat({k: p.default for k, p in parameters.items() if k != "family"})
    made = flat(build(compose("reconstruct", overrides=[f"simulate={name}"]).simulate).keywords)
    assert {k: v for k, v in made.items() if v != defaults[k]} == CHANGES[name]


def test_a_continuous_rotation_sweeps_over_its_step_whatever_it_is(hydra: None) -> None:
    words = ["simulate=continuous", "simulate.views.step_deg=3"]
    assert build(compose("reconstruct", overrides=words).simulate).keywords["views"].sweep_deg == 3


def test_no_function_takes_more_than_a_dozen_arguments() -> None:
    for path in (ROOT / "recon/simulate").glob("*.py"):
        module = importlib.import_module(f"recon.simulate.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            assert len(inspect.signature(function).parameters) <= 12, name
