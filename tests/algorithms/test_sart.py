"""SART: with one subset it is SIRT; with more it is faster per iteration."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.algorithms.sart import sart
from recon.algorithms.sart_scheme import Scheme, golden_order, hamming_window
from recon.algorithms.sirt import sirt
from recon.errors import UserError


@pytest.mark.parametrize("relaxation", [0.3, 1.0])
def test_one_subset_is_sirt(problem, relaxation):
    a = sart(problem.A, problem.noisy, n_iterations=8, n_subsets=1, relaxation=relaxation)
    b = sirt(problem.A, problem.noisy, n_iterations=8, relaxation=relaxation)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_more_subsets_go_further_in_equal_iterations(problem):
    residual = [
        float(
            (
                problem.y
                - problem.A(sart(problem.A, problem.y, n_iterations=3, n_subsets=n, relaxation=0.5))
            ).norm()
        )
        for n in (1, 4, None)
    ]
    assert residual[0] > residual[1] > residual[2]


def test_the_solution_of_consistent_data_is_a_fixed_point(problem):
    x = sart(problem.A, problem.y, n_iterations=5, start=problem.truth)
    torch.testing.assert_close(x, problem.truth, rtol=0, atol=1e-5)


def test_the_seed_decides_the_order_and_nothing_else_does(problem):
    a, b, c = (
        sart(problem.A, problem.noisy, n_iterations=2, scheme=Scheme(seed=s)) for s in (0, 0, 1)
    )
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_rows_are_independent_bit_for_bit(problem):
    x = sart(problem.A, problem.noisy, n_iterations=2, n_subsets=5)
    assert torch.equal(
        sart(problem.A, problem.noisy[:, 3:5].contiguous(), n_iterations=2, n_subsets=5), x[:, 3:5]
    )


def test_bounds_stop_and_callback(problem):
    seen = []
    x = sart(
        problem.A,
        problem.noisy,
        n_iterations=40,
        maximum=1.2,
        stop=0.02,
        callback=lambda i, r: seen.append(r),
    )
    assert 0.0 <= float(x.min()) <= float(x.max()) <= 1.2 + 1e-6
    assert 2 < len(seen) < 40
    assert seen[0] == pytest.approx(1.0)


@pytest.mark.parametrize("n", [0, -1, 32])
def test_a_bad_number_of_subsets_is_named(problem, n):
    with pytest.raises(
        UserError, match=rf"n_subsets={n} given, 1 to 31 \(the number of views\) wanted"
    ):
        sart(problem.A, problem.noisy, n_subsets=n)


def test_the_golden_order_visits_every_view_once_and_stays_even():
    angles = np.arange(-70, 71, 2.0)
    order = golden_order(angles)
    assert sorted(order) == list(range(71))
    assert angles[order[0]] == 0  # the least modulo 180
    steps = np.abs(np.diff(angles[order[:5]]) % 180)
    assert (
        np.minimum(steps, 180 - steps) > 40
    ).all()  # 68.75 but for the wedge and the step between views
    for count in (8, 16, 32):  # any first part of it leaves no large gap in what was measured
        gaps = np.diff(np.sort(angles[order[:count]]))
        assert gaps.max() < 2.7 * 140 / count


def test_the_golden_order_needs_no_seed_and_is_another_one(problem):
    a, b, c = (
        sart(problem.A, problem.noisy, n_iterations=1, scheme=Scheme(order=o, seed=s))
        for o, s in (("golden", 0), ("golden", 1), ("random", 0))
    )
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize(
    ("angle", "direction", "offset", "half"),
    [
        (0.0, (1, 0), (0, 0), 30.5),
        (0.0, (1, 0), (0, 20), 30.5 * np.sqrt(1 - (20 / 50.5) ** 2)),
        (90.0, (0, -1), (10, 0), 50.5 * np.sqrt(1 - (10 / 30.5) ** 2)),
        (
            45.0,
            (1, -1),
            (0, 0),
            1 / np.sqrt(1 / 30.5**2 + 1 / 50.5**2),
        ),  # column = x cos t + z sin t stays the same
    ],
)
def test_the_window_falls_along_every_ray_to_where_it_meets_the_ellipse(
    angle, direction, offset, half
):
    window = hamming_window(angle, (61, 101))
    for k in range(0, int(half), 3):  # ``half`` in steps of the pixels that are looked at
        for side in (k, -k):
            at = 30 + offset[0] + side * direction[0], 50 + offset[1] + side * direction[1]
            assert window[at] == pytest.approx(
                0.53836 + 0.46164 * np.cos(np.pi * k / half), abs=1e-9
            )


@pytest.mark.parametrize("angle", [0.0, 35.0, -80.0])
def test_the_window_is_zero_outside_the_inscribed_ellipse_and_nowhere_else(angle):
    z, x = np.arange(60)[:, None] - 29.5, np.arange(100)[None] - 49.5
    assert np.array_equal(hamming_window(angle, (60, 100)) > 0, (z / 30) ** 2 + (x / 50) ** 2 < 1)


def test_a_window_keeps_the_volume_within_the_ellipse(problem):
    inside = hamming_window(0.0, (26, 26)) > 0
    disc = problem.truth * torch.from_numpy(inside).float()[:, None]
    x = sart(
        problem.A, problem.A(disc), n_iterations=30, scheme=Scheme(window="hamming"), minimum=None
    )
    assert not x.permute(1, 0, 2)[:, ~inside].any()
    assert float((problem.A(x) - problem.A(disc)).norm() / problem.A(disc).norm()) < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "saxton"}, "order=saxton given, one of random, golden wanted"),
        ({"window": "hann"}, "window=hann given, one of none, hamming wanted"),
        ({"seed": -1}, "seed=-1 given, a whole number from 0 wanted"),
    ],
)
def test_a_bad_scheme_is_named(options, message):
    with pytest.raises(UserError, match=message):
        Scheme(**options)


def test_a_window_wants_one_view_each(problem):
    with pytest.raises(UserError, match="window=hamming given for subsets of several views"):
        sart(problem.A, problem.noisy, n_subsets=4, scheme=Scheme(window="hamming"))
