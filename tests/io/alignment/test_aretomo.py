"""AreTomo's .aln."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.geometry import axis_rotation
from recon.io.alignment.aretomo import read_aln, write_aln

HEAD = "# AreTomo Alignment / Priims bprmMn\n# RawSize = 400 300 3\n# NumPatches = 0\n"
LINE = "{:5d}  85.0000 1.00000 3.000 -4.000 1.00 1.00 1.00 0.00 {:.2f}\n"


def transforms(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    angles, scale = rng.uniform(-180, 180, n), rng.uniform(0.98, 1.02, n)
    matrices = np.stack(
        [axis_rotation(a)[::-1, ::-1] / s for a, s in zip(angles, scale, strict=True)]
    )
    return matrices, rng.uniform(-100, 100, (n, 2)), rng.uniform(-70, 70, n)


def test_round_trip(tmp_path: Path) -> None:
    matrices, shifts, tilts = transforms(11)
    write_aln(tmp_path / "a.aln", matrices, shifts, tilts, (4096, 4000, 11))
    found = read_aln(tmp_path / "a.aln")
    np.testing.assert_allclose(found.matrices, matrices, atol=2e-6)
    np.testing.assert_allclose(found.shifts, shifts, atol=3e-4)
    np.testing.assert_allclose(found.tilt_deg, tilts, atol=5.1e-5)
    assert found.section.tolist() == list(range(11))
    assert found.raw_size == (4096, 4000, 11)


def test_rot_is_the_axis_and_t_is_what_comes_to_the_centre(tmp_path: Path) -> None:
    (tmp_path / "a.aln").write_text(HEAD + LINE.format(0, -60))
    found = read_aln(tmp_path / "a.aln")
    np.testing.assert_allclose(found.matrices[0], axis_rotation(85.0)[::-1, ::-1])
    np.testing.assert_allclose(found.matrices[0] @ [3.0, -4.0] + found.shifts[0], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("dark", "sections", "wanted"),
    [
        ("", (0, 1, 2), [0, 1, 2]),
        ("", (1, 2, 3), [0, 1, 2]),
        ("# DarkFrame =     0     0   -60.00\n", (1, 2), [1, 2]),
    ],
)
def test_sections_count_from_0_or_1_by_the_version(
    dark: str, sections: tuple[int, ...], wanted: list[int], tmp_path: Path
) -> None:
    (tmp_path / "a.aln").write_text(HEAD + dark + "".join(LINE.format(s, s) for s in sections))
    assert read_aln(tmp_path / "a.aln").section.tolist() == wanted


def test_local_alignments_are_not_taken_for_views(tmp_path: Path) -> None:
    (tmp_path / "a.aln").write_text(
        HEAD + LINE.format(0, -60) + "# Local Alignment\n   0   0  1.0 2.0 3.0 4.0 1.0\n"
    )
    assert read_aln(tmp_path / "a.aln").tilt_deg.tolist() == [-60.0]


@pytest.mark.parametrize(
    "text", ["", HEAD, HEAD + "1 2 3\n", "0 85 1 0 0 1 1 1 0 5\n", HEAD + "0 85 0 0 0 1 1 1 0 5\n"]
)
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.aln").write_text(text)
    with pytest.raises(UserError, match=r"a\.aln"):
        read_aln(tmp_path / "a.aln")


def test_what_an_aln_cannot_hold_is_refused(tmp_path: Path) -> None:
    matrices, shifts, tilts = transforms(2)
    with pytest.raises(UserError, match="mirrors"):
        write_aln(tmp_path / "a.aln", matrices[:, ::-1], shifts, tilts, (4, 4, 2))
    with pytest.raises(UserError, match="shape"):
        write_aln(tmp_path / "a.aln", matrices, shifts[:1], tilts, (4, 4, 2))
