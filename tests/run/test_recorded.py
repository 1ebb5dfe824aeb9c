"""The kept picture of a view comes back from the checkpoint as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recon.run.recorded import MOST_PX, Recorded, recorded


@pytest.mark.parametrize("shape", [(5, 7), (MOST_PX + 1, 300), (16, 3 * MOST_PX)])
def test_the_picture_of_a_view_is_small_and_comes_back(shape: tuple[int, int]) -> None:
    view = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    made = recorded(view)
    assert made.shape == shape and max(made.picture.shape) <= MOST_PX
    back = Recorded.from_json(json.loads(json.dumps(made.to_json())))
    assert back.shape == shape
    np.testing.assert_array_equal(back.picture, made.picture)
    step = -(-max(shape) // MOST_PX)
    order = np.argsort(view[::step, ::step], axis=None)
    assert (np.diff(made.picture.ravel()[order].astype(int)) >= 0).all()
