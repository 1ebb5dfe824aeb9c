"""Rows, columns and marks of the detector are repaired and named; the specimen is left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recon.preprocess import preprocess
from recon.preprocess.standing import standing_lines, standing_marks, without_standing
from recon.series import TiltSeries

Make = Callable[[np.ndarray], TiltSeries]


@pytest.mark.parametrize("value", [4000.0, 0.0, 130.0])
@pytest.mark.parametrize("lines", [[9], [0], [20, 21], [5, 30]])
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_lines_are_repaired_and_named(
    views: np.ndarray, series_of: Make, value: float, lines: list[int], along: str
) -> None:
    if (value, lines, along) == (130.0, [20, 21], "columns"):
        pytest.skip("a faint line along the flank of the needle is not told from the flank")
    spoilt = views.copy()
    at = (slice(None), lines) if along == "rows" else (slice(None), slice(None), lines)
    spoilt[at] = (
        value + np.random.default_rng(0).normal(0, 2, spoilt[at].shape)
        if value != 130
        else spoilt[at] + 30
    )
    found = without_standing(series_of(spoilt))
    assert found.facts["standing"][along] == lines
    assert f"{along[:-1]} {', '.join(map(str, lines))}" in found.warnings[0]
    assert np.abs(found.data.numpy()[at] - views[at]).mean() < 12
    untouched = np.ones(views.shape[1:], bool)
    untouched[at[1:]] = False
    np.testing.assert_array_equal(found.data.numpy()[:, untouched], spoilt[:, untouched])


def test_a_burnt_in_bar_is_found_and_a_still_specimen_is_not(
    views: np.ndarray, series_of: Make
) -> None:
    assert not standing_marks(views).any()
    still = np.repeat(views.mean(0, keepdims=True), 21, 0)
    still += np.random.default_rng(3).normal(0, 2, still.shape).astype(np.float32)
    assert not standing_marks(still).any()
    views[:, 40:43, 5:25] = 4095.0
    found = without_standing(series_of(views))
    assert "a mark at rows 39 to 43, columns 4 to 25" in found.warnings[0]
    assert found.data.numpy()[:, 40:43, 5:25].max() < 200


def test_a_layered_specimen_along_the_rows_is_no_defect(views: np.ndarray) -> None:
    layered = views + 0
    layered[:, 22:25] += np.maximum(views[:, 22:25] - 110, 0) * 0.5  # stands still, in the needle
    assert standing_lines(layered) == []
    assert standing_lines(layered.transpose(0, 2, 1)) == []


def test_clean_series_hear_nothing(views: np.ndarray, series_of: Make) -> None:
    assert preprocess(series_of(views)).warnings == ()
