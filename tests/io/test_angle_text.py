"""Tilt angles as people write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.errors import UserError
from recon.io.alignment.imod import write_tlt
from recon.io.angle_text import angles_from_user, read_tlt


@pytest.mark.parametrize(
    ("text", "angles"),
    [
        ("-60:60:30", [-60, -30, 0, 30, 60]),
        ("60:-60:-60", [60, 0, -60]),
        ("-1:1:0.1", np.linspace(-1, 1, 21)),  # 20 * 0.1 is not 2 in binary
        ("0:5:2", [0, 2, 4]),
        ("[-60, 0,60]", [-60, 0, 60]),
        ("-60,0,60", [-60, 0, 60]),
        ([-60, 0.5, 60], [-60, 0.5, 60]),
    ],
)
def test_ranges_and_lists(text: str | list[float], angles: list[float]) -> None:
    np.testing.assert_allclose(angles_from_user(text).values_deg, angles, atol=1e-12)


@pytest.mark.parametrize(
    "content",
    [
        "-60\n0\n60\n",
        "\ufeff-60\r\n0\r\n60\r\n",
        "# by hand\n\n -60.0\n 0.0\n 60.0",
        "-60 0 60",
        "tilt\n-60\n0\n60",
        "view,angle,dose\n1,-60,3\n2,0,3\n3,60,3",
        "view;Tilt Angle\n7;-60\n1;0\n4;60",
        "0 -60\n1 0\n2 60",
        "1\t-60\n2\t0\n3\t60",
        "-60,0\n0,0\n60,0\n",
        "-60,00\r\n0,00\r\n60,00\r\n",
        "1;-60,0\n2;0,0\n3;60,0",
        "1\t-60,0\t3,5\n2\t0,0\t3,5\n3\t60,0\t3,5",
        "0 -60 0\n0 0 0\n0 60 0",  # Euler angles of a single axis
        "Winkel\n-60,0\n0,0\n60,0",
    ],
)
def test_layouts_of_angle_files(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content, "utf-8")
    np.testing.assert_array_equal(read_tlt(path), [-60, 0, 60])


@pytest.mark.parametrize(
    "content",
    [
        "1 -60 3\n2 0 6\n3 60 9\n",  # a dose or a tilt?
        "0,2\n1,4\n2,6\n3,8\n",  # a counter, or 0.2 degrees?
        "30,1\n33,2\n36,3\n",
        "a b\nc d\n",
        "",
        "-60\n0\nend\n",
    ],
)
def test_what_is_not_clear_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content)
    with pytest.raises(UserError, match=r"a\.txt"):
        read_tlt(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_a_microscopes_pc(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("-60,5\r\n0,25\r\n60,5\r\n".encode(encoding))
    np.testing.assert_array_equal(read_tlt(path), [-60.5, 0.25, 60.5])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]), st.integers(1, 2))
def test_read_back_tilts_with_decimal_commas_come_back_or_are_questioned(
    tmp_path_factory: pytest.TempPathFactory, seed: int, step: float, digits: int
) -> None:
    rng = np.random.default_rng(seed)
    tilts = np.round(np.arange(-60, 60.1, step) + rng.normal(0, 0.1, int(120 / step) + 1), digits)
    path = tmp_path_factory.mktemp("t") / "a.rawtlt"
    path.write_text("\r\n".join(f"{t:.{digits}f}".replace(".", ",") for t in tilts))
    try:
        np.testing.assert_allclose(read_tlt(path), tilts, atol=1e-9)
    except UserError as error:
        assert "decimal comma" in str(error)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_file_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("t") / "a.tlt"
    path.write_bytes(content)
    try:
        assert read_tlt(path).ndim == 1
    except UserError as error:
        assert "a.tlt" in str(error)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-180, 180), min_size=1, max_size=20))
def test_tlt_round_trip(tmp_path_factory: pytest.TempPathFactory, angles: list[float]) -> None:
    path = tmp_path_factory.mktemp("t") / "a.tlt"
    write_tlt(path, angles)
    np.testing.assert_allclose(read_tlt(path), angles, atol=5.1e-5)
