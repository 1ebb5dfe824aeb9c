"""Make the files of this folder: one small file per mistake a user can make. Deterministic; run it
from anywhere.

MRC headers are packed by hand here, so that our own writer cannot hide a fault of our own reader.
"""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import tifffile

HERE = Path(__file__).parent
RNG = np.random.default_rng(20)


def mrc(name, data, *, mode=None, pixel_a=(0.0, 0.0), extended=b"", extended_type=b"", counts=(0, 0)):
    """An MRC2014 file; returns its bytes too."""
    nz, ny, nx = data.shape
    mode = {"i1": 0, "i2": 1, "f4": 2, "c8": 4, "u2": 6}[data.dtype.str[1:]] if mode is None else mode
    head = bytearray(1024)
    struct.pack_into("<4i", head, 0, nx, ny, nz, mode)
    struct.pack_into("<3i", head, 28, nx, ny, nz)
    struct.pack_into("<6f", head, 40, nx * pixel_a[0], ny * pixel_a[1], nz * pixel_a[0], 90, 90, 90)
    struct.pack_into("<3i", head, 64, 1, 2, 3)
    struct.pack_into("<i", head, 92, len(extended))
    struct.pack_into("<4s", head, 104, extended_type)
    struct.pack_into("<2h", head, 128, *counts)
    struct.pack_into("<4s4B", head, 208, b"MAP ", 0x44, 0x44, 0, 0)
    whole = bytes(head) + extended + data.tobytes()
    (HERE / name).write_bytes(whole)
    return whole


def stack(views=5, side=4, dtype="<i2"):
    return RNG.integers(0, 200, (views, side, side)).astype(dtype)


def text(name, lines):
    (HERE / name).write_text("".join(f"{line}\n" for line in lines))


def angles(name, values):
    text(name, [f"{v:.2f}" for v in values])


def serialem(values):
    return np.round(np.asarray(values) * 100).astype("<i2").tobytes()


DEGREES = [-60, -30, 0, 30, 60]

# Not an image, or not all of it
text("text.mrc", ["Used parameters", "Tilt range -60 to 60"])
(HERE / "empty.mrc").write_bytes(b"")
(HERE / "noise.mrc").write_bytes(RNG.integers(0, 256, 2048, dtype=np.uint8).tobytes())
(HERE / "short_header.mrc").write_bytes(mrc("short_header.mrc", stack())[:700])
(HERE / "truncated.mrc").write_bytes(mrc("truncated.mrc", stack())[:-50])
(HERE / "longer_than_header.mrc").write_bytes(mrc("longer_than_header.mrc", stack()) + stack().tobytes())
(HERE / "truncated.mrc.gz").write_bytes(gzip.compress(mrc("whole.mrc", stack()), mtime=0)[:-60])
(HERE / "whole.mrc").unlink()
(HERE / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
with zipfile.ZipFile(HERE / "packed.zip", "w") as archive:
    archive.writestr(zipfile.ZipInfo("stack.mrc"), b"nothing")
(HERE / "damaged.dm3").write_bytes(struct.pack(">3i", 3, 5000, 1) + bytes([1, 0]) + struct.pack(">iB", 9, 20) + bytes(1500))
(HERE / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
(HERE / "unknown.dat").write_bytes(bytes(range(1, 32)) * 64)

# Pixels
(HERE / "complex.mrc").write_bytes(mrc("complex.mrc", stack(dtype="<c8")))
nan = stack(dtype="<f4")
nan[3, 1, :2] = np.nan
nan[4, 0, 0] = np.inf
mrc("nan.mrc", nan, extended=serialem(DEGREES), extended_type=b"SERI", counts=(2, 1))
dead = stack()
dead[1], dead[3] = 7, 0
mrc("dead_views.mrc", np.concatenate([dead, stack()[:2]]))
mrc("all_zero.mrc", np.zeros((5, 4, 4), "<i2"))
mrc("one_view.mrc", stack(1))
mrc("thin.mrc", stack(5)[:, :, :1].copy())
mrc("not_square.mrc", stack(), pixel_a=(4.0, 8.0))

# Tilt angles
mrc("no_angles.mrc", stack())
mrc("angle_count.mrc", stack(61))
angles("angle_count.rawtlt", np.linspace(-60, 58, 60))
mrc("radians.mrc", stack(9))
text("radians.tlt", [f"{v:.5f}" for v in np.deg2rad(np.linspace(-60, 60, 9))])
mrc("beyond_180.mrc", stack())
angles("beyond_180.tlt", [-60, -30, 0, 30, 600])
mrc("nan_angle.mrc", stack())
text("nan_angle.tlt", ["-60", "-30", "nan", "30", "60"])
mrc("one_angle.mrc", stack())
angles("one_angle.rawtlt", [0] * 5)
mrc("words.mrc", stack())
text("words.rawtlt", ["-60.0", "-30.0", "zero", "30.0", "60.0"])
mrc("no_numbers.mrc", stack())
text("no_numbers.rawtlt", ["# exported by hand"])
mrc("decimal_comma.mrc", stack())
text("decimal_comma.rawtlt", ["30,1", "31,2", "32,3", "33,4", "34,5"])
mrc("reversed.mrc", stack())
angles("reversed.tlt", DEGREES)
angles("reversed.rawtlt", [v + 0.02 for v in DEGREES[::-1]])
mrc("opposite_sign.mrc", stack(), extended=serialem([-50, -30, 0, 30, 60]), extended_type=b"SERI", counts=(2, 1))
angles("opposite_sign.rawtlt", [50, 30, 0, -30, -60])
mrc("other_order.mrc", stack())
angles("other_order.tlt", DEGREES)
text("other_order.mrc.mdoc", [f"[ZValue = {i}]\nTiltAngle = {v}\n" for i, v in enumerate([0, 30, -30, 60, -60])])
mrc("other_angles.mrc", stack(), extended=serialem(DEGREES), extended_type=b"SERI", counts=(2, 1))
angles("other_angles.rawtlt", [-60, -30, 0, 30, 52])
mrc("header_count.mrc", stack(), extended=serialem(DEGREES), extended_type=b"SERI", counts=(2, 1))
angles("header_count.rawtlt", DEGREES[:4])
text("no_tilts.mdoc", ["PixelSpacing = 5.4", "[ZValue = 0]", "Defocus = 2"])

# Pixel size
mrc("two_pixel_sizes.mrc", stack(), pixel_a=(3.0, 3.0))
text("two_pixel_sizes.mrc.mdoc", ["PixelSpacing = 6.0"] + [f"[ZValue = {i}]\nTiltAngle = {v}\n" for i, v in enumerate(DEGREES)])

# TIFF
tifffile.imwrite(HERE / "rgb.tif", stack(3, 6, "u1").transpose(1, 2, 0), photometric="rgb", metadata=None)
tifffile.imwrite(HERE / "single_image.tif", stack(1, 6)[0], photometric="minisblack", metadata=None)
tifffile.imwrite(HERE / "truncated.tif", stack(5, 8), photometric="minisblack", metadata=None)
(HERE / "truncated.tif").write_bytes((HERE / "truncated.tif").read_bytes()[:-300])
(HERE / "damaged.tif").write_bytes(b"II*\0" + bytes([8, 0, 0, 0]) + b"\xff" * 40)
for folder in ("no_images", "several_sizes"):
    (HERE / folder).mkdir(exist_ok=True)
text("no_images/notes.txt", ["nothing yet"])
for angle, side in ((-60.0, 4), (0.0, 4), (60.0, 6)):
    tifffile.imwrite(HERE / f"several_sizes/ts_{angle:.1f}.tif", stack(1, side)[0], photometric="minisblack", metadata=None)

# HDF5 and NumPy
with h5py.File(HERE / "two_stacks.h5", "w") as file:
    file["a"], file["b"] = stack(3), stack(3)
with h5py.File(HERE / "four_dimensions.h5", "w") as file:
    file["scan"] = RNG.integers(0, 9, (2, 3, 2, 2))
np.save(HERE / "pickled.npy", np.array([{"tilt": 0}], dtype=object))
