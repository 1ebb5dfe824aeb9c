"""The content decides on the format; a misleading suffix does no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.io import read_volume
from recon.io.sniff import format_of

DATA = np.arange(48, dtype=np.int16).reshape(3, 4, 4)


def test_a_wrong_suffix_does_no_harm(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "tiff.mrc", DATA, photometric="minisblack")
    (tmp_path / "mrc.tif").write_bytes(pack_mrc(DATA, 1))
    with h5py.File(tmp_path / "hdf5.dm3", "w") as file:
        file["data"] = DATA
    with (tmp_path / "npy.h5").open("wb") as file:
        np.save(file, DATA)
    for name in ("tiff.mrc", "mrc.tif", "hdf5.dm3", "npy.h5"):
        assert format_of(tmp_path / name) == name.split(".")[0]
        np.testing.assert_array_equal(read_volume(tmp_path / name).data.numpy(), DATA)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nx", [3, 4])
def test_an_mrc_three_or_four_pixels_wide_is_no_dm_file(
    nx: int, order: str, pack_mrc: Callable[..., bytes], tmp_path: Path
) -> None:
    """Big-endian, its first word is the version number of a DM file."""
    path = tmp_path / "a.mrc"
    path.write_bytes(pack_mrc(np.zeros((1, 1, nx), f"{order}i2"), 1))
    assert format_of(path) == "mrc"


def test_vendor_files(reference: Callable[[str], Path]) -> None:
    folder = reference("vendor_formats/ncempy")
    expected = {
        "dm3": "dm",
        "dm4": "dm",
        "ser": "ser",
        "emi": "emi",
        "emd": "hdf5",
        "h5": "hdf5",
        "mrc": "mrc",
    }
    files = [p for p in folder.iterdir() if p.suffix[1:] in expected]
    assert {p.name: format_of(p) for p in files} == {p.name: expected[p.suffix[1:]] for p in files}


@settings(max_examples=100, deadline=None)
@example(content=b"MATLAB 5.0", suffix=".mrc")
@given(
    content=st.binary(max_size=1500),
    suffix=st.sampled_from([".mrc", ".tif", ".dm3", ".ser", ".npy", ".h5", ""]),
)
def test_noise_is_a_sentence(
    content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("n") / f"noise{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_volume(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
