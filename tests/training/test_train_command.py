"""``python train.py`` as a user runs it: weights, card and log come out; a stopped run goes on; a
mistake is a sentence."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors import safe_open

from models.slice_unet import SliceUNet
from recon.learned.weights import trained
from recon.training.ship import ship

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("nanoparticle", "core_shell", "supported_catalyst", "foam", "vesicles", "atoms")
HELD_OUT = ("block_copolymer", "quantum_dot", "polyamide_film")
SMALL = (
    *(f"~phantom@families.{name}" for name in OTHERS),
    *(f"~phantom@held_out.{name}" for name in HELD_OUT),
    *("sizes.voxels=48", "sizes.planar=48", "sizes.rows=4", "sizes.per_phantom=2"),
    *(
        "network.features=[4,4,4,4,4,4]",
        "task.crop=16",
        "task.batch=2",
        "trainer.groups=2",
        "trainer.first_groups=1",
    ),
    *(
        "trainer.steps_per_group=2",
        "trainer.validate_every=20",
        "ranges.step_deg=[4,6]",
        "trainer.warm_up=2",
    ),
)


def words(*more: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), "task=irdm", *SMALL, *more]


def test_a_short_training_from_nothing_to_weights_that_can_be_shipped(tmp_path: Path) -> None:
    done = subprocess.run(
        words("trainer.steps=40"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/training/irdm"
    with (folder / "log.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["step"] for line in lines] == ["20", "40"]
    card = json.loads((folder / "card.json").read_text())
    assert card["step"] == 40
    assert set(card["validation"]["seen"]) == {"polygons", "ellipses"}
    assert set(card["validation"]["held_out"]) == {"porous_silica"}
    assert {"tilt_max_deg", "step_deg", "snr", "grey_quantiles"} == set(card["data"])
    ship(folder, "small", tmp_path)
    assert isinstance(trained("small", tmp_path).network, SliceUNet)


def test_a_terminated_training_keeps_its_state(tmp_path: Path) -> None:
    with subprocess.Popen(
        words("trainer.steps=100000"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        log = tmp_path / "runs/training/irdm/log.csv"
        while not log.exists():
            assert run.poll() is None, run.communicate()
            time.sleep(0.1)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate()
    assert run.returncode == 130
    assert "repeat the command to go on" in said
    with safe_open(tmp_path / "runs/training/irdm/checkpoint.safetensors", framework="pt") as file:
        assert int(file.metadata()["step"]) >= 20


def test_a_family_on_both_sides_is_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        words("+phantom@held_out.polygons=polygons"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "polygons given in families and in held_out" in done.stderr
    assert "Traceback" not in done.stderr
