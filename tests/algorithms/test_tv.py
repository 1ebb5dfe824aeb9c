"""TV minimises its objective, and its automatic weight makes the residual the noise."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from recon.algorithms.operator_norm import operator_norm
from recon.algorithms.pdhg import enough_iterations
from recon.algorithms.sirt import sirt
from recon.algorithms.tv import tv
from recon.algorithms.tv_weight import choose_weight
from recon.errors import UserError
from recon.geometry import Geometry
from recon.projectors.astra import AstraProjector


def total_variation(x, dimensions=3):
    """Isotropic, forward differences, zero across the last plane; without y for 2 dimensions."""
    x = x.double()
    difference = [
        torch.diff(x, dim=axis, append=x.narrow(axis, x.shape[axis] - 1, 1)) ** 2
        for axis in (0, 1, 2)
    ]
    return float(
        sum(d for axis, d in enumerate(difference) if axis != 1 or dimensions == 3).sqrt().sum()
    )


def objective(problem, x, weight, dimensions=3):
    return 0.5 * float(
        ((problem.A(x) - problem.noisy).double() ** 2).sum()
    ) + weight * total_variation(x, dimensions)


def psnr(x, truth):
    return 10 * np.log10(float(truth.max()) ** 2 / float(((x - truth) ** 2).mean()))


@functools.lru_cache(maxsize=1)
def auto(problem):
    return choose_weight(problem.A, problem.noisy)


def auto_volume(problem):
    return tv(problem.A, problem.noisy, weight=auto(problem))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_converges_to_the_least_objective(problem, dimensions):
    w = auto(problem)
    run = functools.partial(tv, problem.A, problem.noisy, weight=w, dimensions=dimensions)
    usual, few, many = (
        objective(problem, run(n_iterations=n), w, dimensions) for n in (300, 800, 4000)
    )
    assert abs(few - many) < 1.0e-3 * many
    assert abs(usual - many) < 5e-3 * many  # at the default number of iterations
    assert many < objective(
        problem, sirt(problem.A, problem.noisy, n_iterations=100), w, dimensions
    )
    assert many < objective(
        problem, problem.truth, w, dimensions
    )  # the minimum is below any other volume's
    # and below the minimiser's own neighbours
    best, random = run(n_iterations=4000), torch.Generator().manual_seed(0)
    for size in (1e-3, 1e-2):
        other = (best + size * torch.randn(best.shape, generator=random)).clamp(min=0)
        assert many < objective(problem, other, w, dimensions)


def test_enough_iterations_are_enough(problem):
    """Within .05 dB of the minimum, and more of them on wider views."""
    weight = 0.3
    short, long = (
        tv(problem.A, problem.noisy, weight=weight, n_iterations=n)
        for n in (enough_iterations(problem.noisy.shape[2]), 1500)
    )
    assert abs(psnr(short, problem.truth) - psnr(long, problem.truth)) < 0.05
    counts = [enough_iterations(n) for n in (26, 128, 200, 256, 2048)]
    assert counts == sorted(counts) and counts[-1] == counts[-2] == 300


def test_no_weight_is_least_squares_and_a_large_one_is_flat(problem):
    none = tv(problem.A, problem.noisy, weight=0.0)
    large = tv(problem.A, problem.noisy, weight=30 * auto(problem), n_iterations=1500)
    rms = [float(((problem.A(x) - problem.noisy) ** 2).mean()) ** 0.5 for x in (none, large)]
    assert rms[0] < 0.9 * problem.sigma  # without a prior the noise is fitted too
    assert rms[1] > 2 * problem.sigma
    assert total_variation(large) < 0.2 * total_variation(none)


def test_the_residual_at_the_automatic_weight_is_the_noise(problem):
    x = tv(problem.A, problem.noisy)
    rms = float(((problem.A(x) - problem.noisy).double() ** 2).mean()) ** 0.5
    assert rms == pytest.approx(problem.sigma, rel=0.15)


def test_the_automatic_weight_falls_with_the_noise(problem):
    random = np.random.default_rng(0)
    scale = float(problem.y.max())
    weights = []
    for dose in (100.0, 1000.0, 10000.0):  # counts in the brightest pixel
        counts = random.poisson(problem.y.numpy() * dose / scale) * scale / dose
        weights.append(choose_weight(problem.A, torch.from_numpy(counts.astype(np.float32))))
    assert weights[0] > 1.5 * weights[1] > 1.5**2 * weights[2] > 0


def test_the_automatic_weight_scales_with_the_data(problem):
    assert choose_weight(problem.A, 7 * problem.noisy) == pytest.approx(7 * auto(problem), rel=0.01)
    assert choose_weight(problem.A, torch.zeros_like(problem.y)) == 0.0


def test_a_given_noise_is_believed(problem):
    less, more = (
        choose_weight(problem.A, problem.noisy, noise=f * problem.sigma) for f in (0.9, 1.5)
    )
    assert less < auto(problem) < more


def test_it_beats_sirt_on_a_piecewise_constant_phantom(problem):
    best_sirt = max(
        psnr(sirt(problem.A, problem.noisy, n_iterations=n), problem.truth)
        for n in (10, 20, 50, 100)
    )
    assert psnr(tv(problem.A, problem.noisy), problem.truth) > best_sirt + 2


def test_two_dimensions_treat_each_row_by_itself(problem):
    """Down to a single row, whose memory order cannot be told from that of a plain array."""
    x = tv(problem.A, problem.noisy, weight=auto(problem), dimensions=2, n_iterations=60)
    for cut in (slice(0, 1), slice(3, 5), slice(2, 9)):
        alone = tv(
            problem.A,
            problem.noisy[:, cut].contiguous(),
            weight=auto(problem),
            dimensions=2,
            n_iterations=60,
        )
        torch.testing.assert_close(alone, x[:, cut], rtol=0, atol=1e-5)


def test_three_dimensions_couple_them(problem):
    x = tv(problem.A, problem.noisy, weight=auto(problem), dimensions=3, n_iterations=60)
    alone = tv(
        problem.A,
        problem.noisy[:, 3:5].contiguous(),
        weight=auto(problem),
        dimensions=3,
        n_iterations=60,
    )
    assert float((alone - x[:, 3:5]).abs().max()) > 1e-2


def test_three_dimensions_of_one_row_are_two(problem):
    """There is no difference along y, so the minimum is the same; only the step lengths differ."""
    one = problem.noisy[:, :1].contiguous()
    a, b = (
        tv(problem.A, one, weight=auto(problem), dimensions=d, n_iterations=1500) for d in (2, 3)
    )
    assert float((a - b).norm() / b.norm()) < 5e-3


@pytest.mark.parametrize("rows", [1, 4])
def test_another_projector_gives_the_same(problem, rows):
    """ASTRA's arrays lie in another memory order than ours."""
    pytest.importorskip("astra", reason="the ASTRA toolbox is not installed")
    A = AstraProjector(Geometry(np.linspace(-60, 60, 31), 1.0), (26, 26), 30)
    y = problem.noisy[:, :rows].contiguous()
    for dimensions in (2, 3):
        a, b = (
            tv(P, y, weight=auto(problem), dimensions=dimensions, n_iterations=40)
            for P in (A, problem.A)
        )
        torch.testing.assert_close(a, b, rtol=0, atol=2e-3)


def test_bounds_start_stop_and_callback(problem):
    w = auto(problem)
    x = tv(problem.A, problem.noisy, weight=w, n_iterations=50, minimum=0.1, maximum=1.1)
    assert float(x.min()) == pytest.approx(0.1)
    assert float(x.max()) == pytest.approx(1.1)
    free = tv(problem.A, problem.noisy, weight=0.01 * w, n_iterations=50, minimum=None)
    assert float(free.min()) < 0
    start = problem.truth.clone()
    assert torch.equal(
        tv(problem.A, problem.noisy, weight=w, n_iterations=0, start=start), problem.truth
    )
    seen = []
    tv(
        problem.A,
        problem.noisy,
        weight=w,
        n_iterations=200,
        stop=1e-3,
        callback=lambda i, r: seen.append((i, r)),
    )
    assert 50 < len(seen) < 200  # not where the residual swings at first
    assert (
        abs(
            seen[-1][1]
            - float((problem.A(auto_volume(problem)) - problem.noisy).norm() / problem.noisy.norm())
        )
        < 3e-3
    )


def test_the_operator_norm_is_the_largest_singular_value_and_a_little_more(problem):
    n = 26 * 26
    dense = (
        problem.A(torch.eye(n).reshape(26, 26, n).permute(0, 2, 1))
        .permute(0, 2, 1)
        .reshape(-1, n)
        .numpy()
    )
    exact = float(np.linalg.norm(dense, 2))
    assert exact <= operator_norm(problem.A) < 1.02 * exact


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": "automatic"}, r"weight=automatic given, auto or a number >= 0 wanted"),
        ({"weight": -1.0}, r"weight=-1.0 given"),
        ({"dimensions": 1}, r"dimensions=1 given, 2 \(each slice by itself\) or 3 wanted"),
    ],
)
def test_bad_options_are_named(problem, options, message):
    with pytest.raises(UserError, match=message):
        tv(problem.A, problem.noisy, **options)
