"""Counts to stabilised values and back, without bias."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.sinogram.anscombe import expected, stabilised, unbiased_inverse

COUNTS = torch.tensor([0.0, 0.02, 0.3, 1.0, 4.0, 30.0, 300.0, 399.0, 401.0, 5000.0])


@pytest.mark.parametrize("read", [0.0, 0.4, 9.0])
def test_the_inverse_undoes_the_expectation(read: float) -> None:
    back = unbiased_inverse(expected(COUNTS, read), read)
    assert back.numpy() == pytest.approx(COUNTS.numpy(), rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("read", [0.0, 1.5])
@pytest.mark.parametrize("mean", [0.1, 1.0, 6.0, 80.0])
def test_the_mean_of_stabilised_counts_gives_their_mean(mean: float, read: float) -> None:
    rng = np.random.default_rng(0)
    noisy = rng.poisson(mean, 400_000) + np.sqrt(read) * rng.normal(size=400_000)
    t = stabilised(torch.from_numpy(noisy.astype(np.float32)), read)
    found = unbiased_inverse(t.double().mean()[None].float(), read)
    assert float(found) == pytest.approx(mean, rel=0.01, abs=0.01)
    if mean + read > 5:
        assert float(t.std()) == pytest.approx(1, abs=0.05)


def test_no_value_is_less_than_no_counts() -> None:
    assert float(unbiased_inverse(torch.tensor([0.0]), 0.0)) == 0
    assert bool((stabilised(torch.tensor([-50.0]), 1.0) == 0).all())
