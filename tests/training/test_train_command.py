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

import numpy as np
import torch
from safetensors import safe_open

from models.slice_unet import SliceUNet
from recon.geometry import Geometry
from recon.io import write_volume
from recon.learned.bead_scores import bead_classifier
from recon.learned.restore import irdm
from recon.learned.weights import load_trained
from recon.projectors.native import NativeProjector
from recon.series import Volume
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
    assert isinstance(load_trained("small", task="irdm", folder=tmp_path).network, SliceUNet)
    told = (
        f"reconstruct.py TILT_SERIES +model=irdm algorithm.weights={folder.relative_to(tmp_path)}"
    )
    assert told in done.stdout.splitlines()[-1]
    # A narrower network than the shipped one, as its card says.
    A = NativeProjector(Geometry(np.arange(-60.0, 61, 10), None), (16, 16), 16)
    y = A(torch.ones(16, 2, 16))
    assert irdm(A, y, weights=str(folder), weight=0.1)[0].shape == (16, 2, 16)


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


BEADS = (
    "task=fiducials",
    *("sizes.view_px=128", "sizes.held_out=1", "ranges.step_deg=[25,30]"),
    *("ranges.diameter_px=[6,8]", "trainer.groups=2", "trainer.first_groups=1"),
    *("trainer.steps_per_group=3", "trainer.validate_every=6", "trainer.warm_up=2"),
    *("trainer.steps=6", "task.batch=16", "network.features=[4,8]", "network.hidden=8"),
)


def test_the_bead_classifier_is_trained_by_the_same_command_and_resumes_to_the_same_bits(
    tmp_path: Path,
) -> None:
    def run(*more: str) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *BEADS, *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = run("output=whole")
    assert "TILT_SERIES align=fiducial align.weights=whole" in said.splitlines()[-1]
    run("output=parts", "trainer.stop_after=4")
    assert "going on from step 4 of 6" in run("output=parts")
    whole, parts = ((tmp_path / f / "weights.safetensors").read_bytes() for f in ("whole", "parts"))
    assert whole == parts
    card = json.loads((tmp_path / "whole" / "card.json").read_text())
    assert card["task"] == "fiducials"
    assert 0 < card["data"]["beads"] < card["data"]["crops"]
    assert "network_f1" in card["validation"]
    judge = bead_classifier(str(tmp_path / "whole"))
    assert judge(np.zeros((3, 32, 32), np.float32)).shape == (3,)


def test_volumes_of_ones_own_are_trained_on(tmp_path: Path) -> None:
    ball = (sum(c**2 for c in np.mgrid[-12:12, -12:12, -12:12] + 0.5) < 80).astype(np.float32)
    write_volume(Volume(torch.from_numpy(37 * ball), None), tmp_path / "ball.mrc")
    small = [word for word in SMALL if "families" not in word and "held_out" not in word]
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "train.py"), "task=irdm", *small),
            *("~families", "~held_out", "phantoms=[ball.mrc]", "trainer.steps=4"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "runs/training/irdm/card.json").read_text())
    assert set(card["validation"]["seen"]) == {"ball"}
    with safe_open(tmp_path / "runs/training/irdm/checkpoint.safetensors", framework="pt") as file:
        assert "ball" in json.loads(file.metadata()["facts"])["volumes"]
