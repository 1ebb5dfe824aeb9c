"""``thickness_px="auto"`` in a notebook."""

from __future__ import annotations

from dataclasses import replace

import torch

import tiltwise as tw
from tests.section.conftest import Layered


def test_auto_is_the_window_of_the_section(layered: Layered) -> None:
    series = layered()
    window = tw.section(series).window
    A = tw.projector(series, thickness_px="auto")
    assert window.thickness_px is not None
    assert A.volume_zx == (window.thickness_px, 256 + 2 * window.extend_px)


def test_auto_keeps_all_where_there_is_no_section(layered: Layered) -> None:
    series = layered(width=64, rows=16)
    empty = replace(series, data=torch.zeros_like(series.data))
    assert tw.projector(empty, thickness_px="auto").volume_zx == (64, 64)
