"""Every slice once, on threads of their own, and torch as it was afterwards."""

from __future__ import annotations

import pytest
import torch

from recon.learned.by_slice import PIXELS_AT_ONCE, each_slice


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_slice_is_done_once_without_gradients(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        weight, out = torch.ones(3, requires_grad=True), torch.zeros(7, 3)
        inside: list[int] = []

        def work(index: int) -> None:
            inside.append(torch.get_num_threads())
            out[index] += weight * index

        each_slice(work, 7, 100)
        assert torch.get_num_threads() == threads
        assert torch.equal(out, torch.arange(7.0)[:, None].expand(7, 3))
        assert not out.requires_grad
        assert set(inside) == {1}
    finally:
        torch.set_num_threads(before)


def test_what_one_slice_raises_is_raised() -> None:
    def work(index: int) -> None:
        if index == 2:
            raise MemoryError("slice 2")

    with pytest.raises(MemoryError, match="slice 2"):
        each_slice(work, 4, 100)


def test_large_slices_share_the_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        inside: list[int] = []
        each_slice(lambda index: inside.append(torch.get_num_threads()), 3, PIXELS_AT_ONCE // 2)
        assert set(inside) == {2}
        each_slice(lambda index: inside.append(torch.get_num_threads()), 1, 9 * PIXELS_AT_ONCE)
        assert inside[-1] == 4
    finally:
        torch.set_num_threads(before)
