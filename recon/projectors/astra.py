"""The ASTRA toolbox as a projector: slice by slice on the CPU, whole slabs on a CUDA device without
copying.

ASTRA (https://astra-toolbox.com, GPL-3) is an extra: it is imported when this projector is chosen,
never before. Its y axis points up while our z index grows downwards, so an angle t of ours is -t of
ASTRA's: detector x and ray directions below are u = (cos t, -sin t) and r = (-sin t, -cos t) in
ASTRA's (x, y).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.errors import UserError
from recon.geometry import Geometry, take_views
from recon.projectors.base import check_geometry, check_operand, column_shifts


def load_astra() -> Any:
    """The ``astra`` module, or a ``UserError`` with the install line."""
    try:
        import astra
    except ImportError:
        raise UserError(
            "projector=astra given, but the ASTRA toolbox is not installed; run: pip install "
            "'tiltwise[astra]', or use projector=native"
        ) from None
    return astra


class AstraProjector:
    """``kind``: linear (Joseph), strip (exact areas), line, on the CPU; cuda for a GPU."""

    def __init__(
        self, geometry: Geometry, volume_zx: tuple[int, int], width: int, *, kind: str = "linear"
    ) -> None:
        check_geometry(geometry)
        self.geometry = geometry
        self.volume_zx = volume_zx
        self.sinogram_tx = (geometry.n_views, width)
        self._astra, self._kind = load_astra(), kind
        if kind not in ("linear", "strip", "line", "cuda"):
            raise UserError(f"projector.kind={kind} given, linear, strip, line or cuda wanted")
        if kind == "cuda" and not (torch.cuda.is_available() and self._astra.use_cuda()):
            raise UserError(
                "projector.kind=cuda given, but no CUDA device is usable by torch and ASTRA; use "
                "projector=native"
            )
        self.device = torch.device("cuda" if kind == "cuda" else "cpu")
        t = np.deg2rad(geometry.angles_deg)
        self._u = np.stack([np.cos(t), -np.sin(t)], 1)
        self._ray = np.stack([-np.sin(t), -np.cos(t)], 1)
        # The detector's centre lies where the axis does not: the axis lands in column axis_column
        # from the centre.
        self._centre = -column_shifts(geometry)[:, None] * self._u

    def __call__(self, volume: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        check_operand(volume, self.volume_zx, "volume")
        return self._run(volume, reuse, forward=True)

    def T(self, sinogram: Tensor, *, reuse: Tensor | None = None) -> Tensor:
        check_operand(sinogram, self.sinogram_tx, "tilt series")
        return self._run(sinogram, reuse, forward=False)

    def smear(self, sinogram: Tensor) -> Tensor:
        """ASTRA has no interpolating back-projection on the CPU; its adjoint stands in (its weights
        add up to 1 on average)."""
        return self.T(sinogram)

    def views(self, index: np.ndarray) -> AstraProjector:
        return self.resized(take_views(self.geometry, index), self.volume_zx, self.sinogram_tx[1])

    def resized(self, geometry: Geometry, volume_zx: tuple[int, int], width: int) -> AstraProjector:
        return AstraProjector(geometry, volume_zx, width, kind=self._kind)

    def _run(self, operand: Tensor, reuse: Tensor | None, *, forward: bool) -> Tensor:
        lead = (*operand.shape[:-3], operand.shape[-2])
        shape_in, shape_out = (
            (self.volume_zx, self.sinogram_tx) if forward else (self.sinogram_tx, self.volume_zx)
        )
        # (..., a, y, b) -> (row, a, b), rows of all batches in a line
        slices = operand.detach().float().movedim(-2, -3).reshape(-1, *shape_in).contiguous()
        wanted = len(slices), *shape_out
        out = None if reuse is None else reuse.movedim(-2, -3)
        if out is None or out.shape != wanted or not out.is_contiguous():
            out = torch.empty(wanted, dtype=torch.float32, device=operand.device)
        (self._run_cuda if self._kind == "cuda" else self._run_cpu)(slices, out, forward)
        return out.reshape(*lead, *shape_out).movedim(-3, -2)

    def _run_cpu(self, slices: Tensor, out: Tensor, forward: bool) -> None:
        astra = self._astra
        volume_geometry = astra.create_vol_geom(*self.volume_zx)
        vectors = np.hstack([self._ray, self._centre, self._u])
        projection_geometry = astra.create_proj_geom("parallel_vec", self.sinogram_tx[1], vectors)
        projector = astra.create_projector(self._kind, projection_geometry, volume_geometry)
        volume = astra.data2d.create("-vol", volume_geometry)
        sinogram = astra.data2d.create("-sino", projection_geometry)
        source, target = (volume, sinogram) if forward else (sinogram, volume)
        config = astra.astra_dict("FP" if forward else "BP")
        config |= {"ProjectorId": projector, "ProjectionDataId": sinogram}
        config["VolumeDataId" if forward else "ReconstructionDataId"] = volume
        algorithm = astra.algorithm.create(config)
        try:
            for one, result in zip(slices, out, strict=True):
                astra.data2d.store(source, one.numpy())
                astra.algorithm.run(algorithm)
                result.copy_(torch.from_numpy(astra.data2d.get_shared(target)))
        finally:
            astra.algorithm.delete(algorithm)
            astra.data2d.delete([volume, sinogram])
            astra.projector.delete(projector)

    def _run_cuda(self, slices: Tensor, out: Tensor, forward: bool) -> None:
        """All rows at once: our y is ASTRA's z. The tensors' own device memory is linked, nothing
        is copied."""
        astra, rows = self._astra, len(slices)
        zero, one = np.zeros((len(self._u), 1)), np.ones((len(self._u), 1))
        vectors = np.hstack([self._ray, zero, self._centre, zero, self._u, zero, zero, zero, one])
        geometries = {
            "-vol": astra.create_vol_geom(*self.volume_zx, rows),
            "-sino": astra.create_proj_geom("parallel3d_vec", rows, self.sinogram_tx[1], vectors),
        }

        def link(kind: str, tensor: Tensor) -> int:
            n_slices, n_rows, n_columns = tensor.shape
            pitch = n_columns * tensor.element_size()
            memory = astra.data3d.GPULink(tensor.data_ptr(), n_columns, n_rows, n_slices, pitch)
            return int(astra.data3d.link(kind, geometries[kind], memory))

        volume, sinogram = (
            (link("-vol", slices), link("-sino", out))
            if forward
            else (link("-vol", out), link("-sino", slices))
        )
        config = astra.astra_dict("FP3D_CUDA" if forward else "BP3D_CUDA")
        config |= {
            "ProjectionDataId": sinogram,
            "VolumeDataId" if forward else "ReconstructionDataId": volume,
        }
        algorithm = astra.algorithm.create(config)
        try:
            torch.cuda.synchronize()
            astra.algorithm.run(algorithm)
        finally:
            astra.algorithm.delete(algorithm)
            astra.data3d.delete([volume, sinogram])
