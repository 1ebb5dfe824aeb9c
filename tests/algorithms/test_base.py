"""What the algorithms share."""

from __future__ import annotations

import pytest
import torch

from recon.algorithms.base import Progress, bound, inverse, norm


def test_norm_does_not_lose_small_parts_beside_large_ones():
    t = torch.full((4, 100, 100), 1e-4)
    t[0, 0, 0] = 1e3
    assert norm(t) == pytest.approx((1e6 + (4e4 - 1) * 1e-8) ** 0.5, rel=1e-12)


def test_inverse_is_zero_where_nothing_is_met():
    assert inverse(torch.tensor([0.0, 1e-9, 0.5, 4.0])).tolist() == [0.0, 0.0, 2.0, 0.25]


def test_bound_leaves_an_open_side_free():
    x = torch.tensor([-3.0, 0.5, 3.0])
    assert bound(x.clone(), None, None).tolist() == [-3.0, 0.5, 3.0]
    assert bound(x.clone(), 0.0, None).tolist() == [0.0, 0.5, 3.0]
    assert bound(x.clone(), None, 1.0).tolist() == [-3.0, 0.5, 1.0]


def test_progress_reports_relative_residuals_and_stops_on_a_slow_fall():
    seen = []
    progress = Progress(torch.full((1, 1, 4), 2.0), 0.1, lambda i, r: seen.append((i, r)))
    residual = torch.full((1, 1, 4), 2.0)
    assert [progress.done(residual * f) for f in (1.0, 0.5, 0.44, 0.43)] == [
        False,
        False,
        False,
        True,
    ]
    assert seen == [
        (1, pytest.approx(1.0)),
        (2, pytest.approx(0.5)),
        (3, pytest.approx(0.44)),
        (4, pytest.approx(0.43)),
    ]


def test_progress_of_empty_data_divides_by_nothing():
    seen = []
    assert not Progress(torch.zeros(1, 1, 4), None, lambda i, r: seen.append(r)).done(
        torch.zeros(1, 1, 4)
    )
    assert seen == [0.0]


def test_progress_waits_for_as_many_slow_iterations_in_a_row_as_it_is_told():
    progress = Progress(torch.ones(1, 1, 1), 0.1, None, patience=3)
    done = [
        progress.done(torch.full((1, 1, 1), r)) for r in (1.0, 0.5, 0.6, 0.7, 0.4, 0.41, 0.40, 0.39)
    ]
    assert done == [False] * 7 + [True]
