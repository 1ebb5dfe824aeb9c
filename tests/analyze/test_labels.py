"""``analyze=labels``: grey levels told apart, named after the truth, scored."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.analyze.base import Known
from recon.analyze.labels import labels
from recon.errors import UserError
from recon.series import Volume

GREY = {0: 0.0, 1: 3.0, 2: 1.0}  # label 1 is brighter than label 2


def made(noise: float = 0.02) -> tuple[Volume, torch.Tensor]:
    true = torch.zeros(24, 24, 24, dtype=torch.int16)
    true[4:20, 4:20, 4:20] = 2
    true[8:16, 8:16, 8:16] = 1
    grey = torch.zeros(true.shape)
    for label, value in GREY.items():
        grey[true == label] = value
    rng = np.random.default_rng(0)
    return Volume(
        grey + torch.from_numpy(rng.normal(0, noise, grey.shape).astype(np.float32)),
        1.0,
        "made",
        unit="density",
    ), true


def test_materials_are_named_and_scored() -> None:
    volume, true = made()
    found = labels(volume, known=Known(labels=true), smooth_px=0)
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels.data.numpy(), true.numpy())
    scores = found.facts["scores"]
    assert isinstance(scores, dict)
    assert {k: s["dice"] for k, s in scores.items()} == {1: 1, 2: 1}


def test_without_a_truth_classes_are_counted_by_grey_value() -> None:
    volume, true = made()
    found = labels(volume, known=Known(), classes=3, smooth_px=0)
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels.data.numpy() == 2, true.numpy() == 1)
    assert "scores" not in found.facts
    first, second = np.array(found.facts["thresholds"])
    assert 0 < first < 1 < second < 3


def test_another_number_of_classes_scores_all_matter() -> None:
    volume, true = made()
    found = labels(volume, known=Known(labels=true), classes=2, smooth_px=0)
    assert found.facts["scored"] == "matter"
    scores = found.facts["scores"]
    assert isinstance(scores, dict)
    assert list(scores) == [1]


def test_smoothing_helps_against_noise() -> None:
    volume, true = made(noise=1.0)
    rough, smooth = (
        labels(volume, known=Known(labels=true), smooth_px=s).facts["scores"] for s in (0.0, 1.0)
    )
    assert isinstance(rough, dict)
    assert isinstance(smooth, dict)
    assert all(smooth[k]["dice"] > rough[k]["dice"] + 0.1 for k in (1, 2))


@pytest.mark.parametrize(
    ("volume", "options", "says"),
    [
        (Volume(torch.ones(9, 9, 9), 1.0, unit="density"), {}, "grey values"),
        (made()[0], {"classes": 6}, "classes=6"),
        (made()[0], {"classes": 1}, "classes=1"),
        (made()[0], {"smooth_px": -1.0}, "smooth_px=-1"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(
    volume: Volume, options: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        labels(volume, known=Known(), **options)  # type: ignore[arg-type]
