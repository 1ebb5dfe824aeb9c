"""read_tilt_series: sidecars, exclusion, names, memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.errors import UserError
from recon.io import read_tilt_series, read_volume, write_tlt

DEGREES = np.arange(-60.0, 61, 30)
DATA = np.arange(5 * 4 * 6, dtype="<i2").reshape(5, 4, 6)


@pytest.fixture
def stack(pack_mrc: Callable[..., bytes], tmp_path: Path) -> Path:
    path = tmp_path / "ts.mrc"
    path.write_bytes(pack_mrc(DATA, 1))
    return path


def mdoc(angles: np.ndarray, *, spacing: float = 4.0, axis: float = 85.3) -> str:
    views = "".join(
        f"[ZValue = {i}]\nTiltAngle = {a}\nRotationAngle = {axis + 90}\n"
        for i, a in enumerate(angles)
    )
    return f"PixelSpacing = {spacing}\n{views}"


@pytest.mark.parametrize("name", ["ts.tlt", "ts.rawtlt", "ts.mdoc", "ts.mrc.mdoc"])
def test_each_sidecar_alone(name: str, stack: Path) -> None:
    stack.with_name(name).write_text(
        mdoc(DEGREES) if name.endswith("mdoc") else "\n".join(map(str, DEGREES))
    )
    series = read_tilt_series(stack)
    assert series.geometry.angles_deg.tolist() == DEGREES.tolist()
    assert f"from {name}" in " ".join(series.history)
    if name.endswith("mdoc"):
        assert series.geometry.pixel_nm == pytest.approx(0.4)
        assert "tilt axis as 85.3 degrees" in " ".join(series.history)
        assert series.geometry.axis_deg == 0  # found by alignment, not taken from the header


def test_the_command_line_overrules_even_a_damaged_sidecar(stack: Path) -> None:
    stack.with_name("ts.rawtlt").write_text("what\never\n")
    with pytest.raises(UserError, match=r"ts\.rawtlt"):
        read_tilt_series(stack)
    assert read_tilt_series(stack, angles="-40:40:20").geometry.angles_deg[0] == -40


def test_angles_may_be_a_path(stack: Path, tmp_path: Path) -> None:
    write_tlt(tmp_path / "other.tlt", DEGREES + 1)
    (tmp_path / "other.mdoc").write_text(mdoc(DEGREES + 2))
    for given in (tmp_path / "other.tlt", str(tmp_path / "other.tlt")):
        assert read_tilt_series(stack, angles=given).geometry.angles_deg[0] == -59
    assert read_tilt_series(stack, angles=tmp_path / "other.mdoc").geometry.angles_deg[0] == -58


def test_exclusion_drops_view_and_angle_together(stack: Path) -> None:
    series = read_tilt_series(stack, angles=DEGREES.tolist(), exclude=[3, 0, 3])
    np.testing.assert_array_equal(series.data.numpy(), DATA[[1, 2, 4]])
    assert series.geometry.angles_deg.tolist() == [-30, 0, 60]
    assert "excluded views 0, 3 (counted from 0)" in series.history


@pytest.mark.parametrize("bad", [-1, 5, 99])
def test_exclusion_outside_the_stack_names_the_range(bad: int, stack: Path) -> None:
    with pytest.raises(UserError, match=f"view {bad}, but ts.mrc has views 0 to 4"):
        read_tilt_series(stack, angles=DEGREES.tolist(), exclude=[bad])


def test_an_excluded_bad_view_does_no_harm(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    data = DATA.astype("<f4")
    data[2] = np.nan
    (tmp_path / "a.mrc").write_bytes(pack_mrc(data, 2))
    with pytest.raises(UserError, match=r"exclude=\[2\]"):
        read_tilt_series(tmp_path / "a.mrc", angles="-60:60:30")
    assert read_tilt_series(tmp_path / "a.mrc", angles="-60:60:30", exclude=[2]).data.shape[0] == 4


def test_negative_data_pass(pack_mrc: Callable[..., bytes], tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(pack_mrc(DATA - 30000, 1))
    assert float(read_tilt_series(tmp_path / "a.mrc", angles="-60:60:30").data.max()) < 0


def test_a_file_that_may_not_be_read(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:  # root may read everything

        def refuse(self: Path, *_: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
    else:
        stack.chmod(0)
    for read in (read_tilt_series, read_volume):
        with pytest.raises(UserError, match=r"ts\.mrc may not be read.*chmod"):
            read(stack)


def test_a_stack_is_in_memory_once(tmp_path: Path) -> None:
    """A float32 stack of 192 MB: the process grows by that and little more."""
    from recon.io import VolumeWriter

    writer = VolumeWriter(tmp_path / "big.mrc", (48, 1024, 1024), voxel_nm=None, history=())
    rows = np.random.default_rng(0).random((48, 64, 1024), dtype=np.float32)
    for y0 in range(0, 1024, 64):
        writer.write_rows(y0, rows)
    writer.finish()
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc, which is not here")
    # Not getrusage: its peak is inherited from the process that started this one.
    code = f"""
from pathlib import Path
from recon.io import read_tilt_series
def peak_kb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
start = peak_kb()
series = read_tilt_series(Path({str(tmp_path / "big.mrc")!r}), angles="-47:47:2")
print((peak_kb() - start) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert 192 * 0.9 < float(done.stdout) < 192 * 1.25


def test_importing_loads_no_format_library() -> None:
    libraries = ("h5py", "zarr", "tifffile", "mrcfile", "rsciio", "pandas")
    code = f"import sys, recon.io; print([m for m in {libraries} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"


def test_nan_borders_are_zeros_and_nan_inside_is_refused(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).normal(500, 5, (5, 24, 30)).astype(np.float32)
    stack[1, :, :4] = stack[3, -3:] = np.nan
    np.save(tmp_path / "a.npy", stack)
    series = read_tilt_series(tmp_path / "a.npy", angles="-60:60:30")
    np.testing.assert_array_equal(series.data.numpy(), np.nan_to_num(stack))
    assert "borders of NaN in 2 views" in " ".join(series.history)
    stack[2, 10, 10] = np.nan
    np.save(tmp_path / "a.npy", stack)
    with pytest.raises(UserError, match="1 NaN or infinite pixels in view 2"):
        read_tilt_series(tmp_path / "a.npy", angles="-60:60:30")
