"""Two series of one specimen, the second after a turn by 90 degrees in its plane: their wedges
overlap in a pyramid only."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from recon.simulate.sample import Sample
from recon.simulate.views import Views


class Recording(Protocol):
    """``acquire``, ``acquire_edx`` or ``acquire_cryo`` with its phantom and options filled in
    (functools.partial)."""

    def __call__(self, *, views: Views) -> Sample: ...


def dual_axis(record: Recording, views: Views) -> tuple[Sample, Sample]:
    """(a, b): what ``simulate.views.axis=a`` and ``b`` record of ``views``, each with the truth as
    it lies in that series.

    The two truths are one: ``torch.rot90(a.truth.data, 1, (1, 2))`` equals ``b.truth.data`` bit for
    bit, and a point (z, y, x) of the first is at (z, -x, y) of the second. Beads and crystals are
    the same ones; drift, errors and noise are the second's own. Penczek et al. 1995,
    doi:10.1016/0304-3991(95)00078-X
    """
    return record(views=replace(views, axis="a")), record(views=replace(views, axis="b"))
