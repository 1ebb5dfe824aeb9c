"""One view as it was recorded, small enough to be kept for the picture."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np

MOST_PX = 512  # a side; a picture shows no more


@dataclass(frozen=True, eq=False)
class Recorded:
    """``picture``: (y, x) uint8, row 0 on top, every so many-th pixel of a view of ``shape``."""

    picture: np.ndarray
    shape: tuple[int, int]

    def to_json(self) -> dict[str, object]:
        packed = base64.b64encode(zlib.compress(self.picture.tobytes())).decode("ascii")
        return {"size": list(self.picture.shape), "shape": list(self.shape), "pixels": packed}

    @staticmethod
    def from_json(saved: dict[str, object]) -> Recorded:
        """Raises ``KeyError`` or ``ValueError`` for what ``to_json`` did not write."""
        pixels = zlib.decompress(base64.b64decode(str(saved["pixels"])))
        size, shape = (tuple(map(int, saved[k])) for k in ("size", "shape"))  # type: ignore[call-overload]
        return Recorded(np.frombuffer(pixels, np.uint8).reshape(size), (shape[0], shape[1]))


def recorded(view: np.ndarray) -> Recorded:
    """Of a (y, x) view, between two percentiles."""
    step = max(1, -(-max(view.shape) // MOST_PX))
    low, high = np.quantile(view, (0.005, 0.998))
    grey = np.clip(255 * (view[::step, ::step] - low) / max(float(high - low), 1e-30), 0, 255)
    return Recorded(grey.astype(np.uint8), (view.shape[0], view.shape[1]))
