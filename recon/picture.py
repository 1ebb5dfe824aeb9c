"""Small pictures of arrays, for notebooks: grey values between two percentiles, as PNG."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recon.errors import UserError

GAP = 4  # pixels between pictures that stand side by side


@dataclass(frozen=True, repr=False)
class Picture:
    """A PNG that notebooks draw."""

    png: bytes

    def __repr__(self) -> str:
        return f"Picture of {len(self.png)} bytes; .save('a.png') keeps it"

    def _repr_png_(self) -> bytes:
        return self.png

    def save(self, path: str | Path) -> Path:
        """Write it; returns the path."""
        path = Path(path).expanduser()
        try:
            path.write_bytes(self.png)
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}") from error
        return path


def draw(images: Sequence[np.ndarray], width_px: int) -> Picture:
    """(y, x) images side by side, row 0 on top, each with its own window from its 0.5th to its
    99.5th percentile; all as high as the first, ``width_px`` wide together."""
    from PIL import Image

    shown = [Image.fromarray(_grey(image)) for image in images]
    shapes = [i.width / i.height for i in shown]
    height = max(1, round((width_px - GAP * (len(shown) - 1)) / sum(shapes)))
    sheet = Image.new("L", (width_px, height), 255)
    left = 0
    for image, shape in zip(shown, shapes, strict=True):
        scaled = image.resize((max(1, round(shape * height)), height), Image.Resampling.BILINEAR)
        sheet.paste(scaled, (left, 0))
        left += scaled.width + GAP
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return Picture(out.getvalue())


def describe(title: str, rows: Mapping[str, str], history: Sequence[str], picture: Picture) -> str:
    """HTML for a notebook: a table of ``rows``, what was done, and the picture."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(k)}</th>"
        f"<td style='text-align:left'>{html.escape(v)}</td></tr>"
        for k, v in rows.items()
    )
    steps = "".join(f"<li>{html.escape(step)}</li>" for step in history)
    data = base64.b64encode(picture.png).decode()
    return (
        f"<div><b>{html.escape(title)}</b><table>{cells}</table>"
        f"<details><summary>history, {len(history)} steps</summary><ol>{steps}</ol></details>"
        f"<img alt='{html.escape(title)}' src='data:image/png;base64,{data}'></div>"
    )


def _grey(image: np.ndarray) -> np.ndarray:
    if image.size == 0:
        return np.zeros((1, 1), np.uint8)
    low, high = np.quantile(image, [0.005, 0.995])
    scaled = (image - low) / max(float(high - low), 1e-30)
    return np.asarray(np.clip(255 * scaled, 0, 255).astype(np.uint8))
