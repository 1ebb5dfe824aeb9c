"""Scores of labels, by hand on cubes."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from recon.errors import UserError
from recon.metrics.labels import boundary_f1, dice, hd95_px, iou, label_scores, volume_error


def cube(first: int = 4, side: int = 6, label: int = 1, *, x: int = 0) -> torch.Tensor:
    """(16, 16, 20) labels: a cube, moved by ``x`` along x."""
    labels = torch.zeros(16, 16, 20, dtype=torch.int16)
    labels[first : first + side, first : first + side, first + x : first + side + x] = label
    return labels


def test_identical_labels_are_perfect() -> None:
    both = cube() + cube(12, 3, 2)
    perfect = {"dice": 1, "iou": 1, "boundary_f1": 1, "hd95_px": 0, "volume_error": 0}
    assert label_scores(both, both) == {1: perfect, 2: perfect}


def test_disjoint_labels_are_nothing() -> None:
    scores = label_scores(cube(x=10, side=4), cube(side=4))[1]
    assert (scores["dice"], scores["iou"], scores["boundary_f1"]) == (0, 0, 0)
    assert scores["hd95_px"] == pytest.approx(10)
    assert scores["volume_error"] == 0


def test_a_cube_moved_by_one_voxel() -> None:
    found, true = cube(x=1), cube()
    # 5 of 6 layers are shared
    assert dice(found, true, 1) == pytest.approx(5 / 6)
    assert iou(found, true, 1) == pytest.approx(5 / 7)
    assert hd95_px(found, true, 1) == pytest.approx(1)
    assert boundary_f1(found, true, 1, tolerance_px=1) == 1
    # 6^3 - 4^3 = 152 surface voxels each; shared is the rim of 20 in each of the five layers that
    # both have.
    assert boundary_f1(found, true, 1, tolerance_px=0) == pytest.approx(100 / 152)


def test_a_larger_cube() -> None:
    found, true = cube(3, 8), cube(4, 6)
    assert volume_error(found, true, 1) == pytest.approx(8**3 / 6**3 - 1)
    assert dice(found, true, 1) == pytest.approx(2 * 216 / (512 + 216))
    assert iou(found, true, 1) == pytest.approx(216 / 512)
    assert 1 <= hd95_px(found, true, 1) <= math.sqrt(3)


def test_one_stray_voxel_does_not_set_the_distance() -> None:
    stray = cube()
    stray[0, 0, 19] = 1  # 1 of 153 surface voxels, far off
    assert hd95_px(stray, cube(), 1) == 0


def test_nothing_found_is_infinitely_far() -> None:
    scores = label_scores(torch.zeros(16, 16, 20), cube())[1]
    assert scores == {
        "dice": 0,
        "iou": 0,
        "boundary_f1": 0,
        "hd95_px": math.inf,
        "volume_error": -1,
    }


def test_scores_are_symmetric_but_for_the_volume() -> None:
    a, b = cube(3, 8), cube(5, 6)
    for score in (dice, iou, hd95_px, boundary_f1):
        assert score(a, b, 1) == pytest.approx(score(b, a, 1))
    assert volume_error(b, a, 1) == pytest.approx(1 / (1 + volume_error(a, b, 1)) - 1)


@pytest.mark.parametrize(
    ("found", "true", "says"),
    [
        (cube()[1:], cube(), "one shape wanted"),
        (cube(), torch.zeros(16, 16, 20), "0 everywhere"),
        (torch.full((16, 16, 20), math.nan), cube(), "not finite"),
        (cube() + 0.5, cube(), "whole numbers wanted"),
        (cube() - 1, cube(), "whole numbers wanted"),
        (cube()[0], cube()[0], r"\(z, y, x\)"),
    ],
)
def test_what_cannot_be_scored_is_a_sentence(
    found: torch.Tensor, true: torch.Tensor, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        label_scores(found, true)


def test_a_label_that_is_not_there_and_a_wrong_tolerance() -> None:
    with pytest.raises(UserError, match="label 7"):
        dice(cube(), cube(), 7)
    with pytest.raises(UserError, match="tolerance"):
        boundary_f1(cube(), cube(), 1, tolerance_px=-1)


def test_monai_loads_with_the_first_score_and_not_before() -> None:
    code = "import sys, recon.metrics.labels, recon.analyze.labels; print('monai' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "False"
    )
