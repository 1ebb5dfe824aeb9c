"""NumPy arrays, never unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.io import read_tilt_series


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">f4", "f8", "?"])
@pytest.mark.parametrize("fortran", [False, True])
def test_round_trip(dtype: str, fortran: bool, tmp_path: Path) -> None:
    data = (np.arange(60).reshape(5, 3, 4) % 2).astype(dtype)
    np.save(tmp_path / "a.npy", np.asfortranarray(data) if fortran else data)
    series = read_tilt_series(tmp_path / "a.npy", angles="-60:60:30", exclude=[0])
    np.testing.assert_array_equal(series.data.numpy(), data[1:].astype(np.float32))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    ran: list[int] = []

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[int]]:
            return (ran.append, (1,))

    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object))
    with pytest.raises(UserError, match=r"a\.npy"):
        read_tilt_series(tmp_path / "a.npy")
    assert not ran


def test_truncated(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 3, 4)))
    content = (tmp_path / "a.npy").read_bytes()
    for size in (len(content) - 1, 40, 6):
        (tmp_path / "a.npy").write_bytes(content[:size])
        with pytest.raises(UserError, match="truncated"):
            read_tilt_series(tmp_path / "a.npy")


def test_views_may_be_the_last_side_where_the_angles_say_so(tmp_path: Path) -> None:
    views = np.arange(5 * 4 * 6, dtype=np.float32).reshape(5, 4, 6)
    np.save(tmp_path / "a.npy", views.transpose(1, 2, 0))
    series = read_tilt_series(tmp_path / "a.npy", angles="-60:60:30")
    np.testing.assert_array_equal(series.data.numpy(), views)
