"""What a projector must be, whatever is behind it: linear, its adjoint exact, points where
geometry.py puts them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.errors import UserError
from recon.geometry import centre, column_of

EXACT = ["native", "astra-linear", "astra-strip", "astra-cuda"]
BACKENDS = [*EXACT, "tomopy"]
SHAPES = [((16, 16), 16), ((13, 22), 17), ((24, 9), 31), ((7, 16), 40)]


def shifts_for(name, n):
    """Per-view column shifts, where the backend can have them (TomoPy takes one axis position)."""
    return None if name == "tomopy" else np.linspace(-2.3, 3.1, n)


def blob(zx, rows, at, sigma):
    """A Gaussian ball around ``at`` = (z, y, x) from the centre."""
    axes = [np.arange(n) - centre(n) - c for n, c in zip((zx[0], rows, zx[1]), at, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return torch.from_numpy(np.exp(-(z**2 + y**2 + x**2) / (2 * sigma**2)).astype(np.float32))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(("zx", "width"), SHAPES)
@pytest.mark.parametrize("shifted", [False, True], ids=["plain", "shifted"])
def test_the_adjoint_is_exact(make, name, zx, width, shifted):
    A = make(name, zx, width, shifts_x=np.linspace(-2.3, 3.1, 11) if shifted else None)
    random = torch.Generator().manual_seed(3)
    for draw in (
        torch.rand,
        torch.randn,
    ):  # positive data see a wrong scale, signed data a wrong place
        x = draw(zx[0], 5, zx[1], generator=random).to(A.device)
        y = draw(A.sinogram_tx[0], 5, width, generator=random).to(A.device)
        Ax, Ay = A(x).double(), A.T(y).double()
        scale = float(torch.linalg.vector_norm(Ax) * torch.linalg.vector_norm(y.double()))
        wanted = abs(float((Ax * y).sum())) if draw is torch.rand else scale
        assert abs(float((Ax * y).sum() - (x * Ay).sum())) < 1e-5 * wanted


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(("zx", "width"), SHAPES[1:3])
def test_the_adjoint_is_exact_element_by_element(make, name, zx, width):
    """Rows are independent, so an identity along the rows yields the whole matrix, from either
    side."""
    A = make(name, zx, width, shifts_x=np.linspace(-2.3, 3.1, 11))
    n_in, n_out = zx[0] * zx[1], A.sinogram_tx[0] * width
    forward = (
        A(torch.eye(n_in).reshape(zx[0], zx[1], n_in).permute(0, 2, 1).to(A.device))
        .permute(0, 2, 1)
        .reshape(n_out, n_in)
    )
    unit = torch.eye(n_out).reshape(-1, width, n_out).permute(0, 2, 1)
    adjoint = A.T(unit.to(A.device)).permute(0, 2, 1).reshape(n_in, n_out)
    torch.testing.assert_close(forward, adjoint.T, rtol=0, atol=2e-6 if name == "native" else 2e-5)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_point_lands_where_the_convention_says(make, name):
    zx, rows, at = ((53, 53) if name == "tomopy" else (48, 51)), 33, (5.3, -2.6, -7.2)
    shift = shifts_for(name, 11)
    A = make(name, zx, 53, shifts_x=shift)
    views = A(blob(zx, rows, at, 3.0).to(A.device)).double().cpu().numpy()
    mass = views.sum((1, 2))
    row = (views.sum(2) * (np.arange(rows) - centre(rows))).sum(1) / mass
    column = (views.sum(1) * (np.arange(views.shape[2]) - centre(views.shape[2]))).sum(1) / mass
    expected = column_of(at[0], at[2], A.geometry.angles_deg) - (
        0 if shift is None else shift
    )  # a shift is to be added
    np.testing.assert_allclose(row, at[1], atol=1e-3)
    np.testing.assert_allclose(
        column, expected, atol={"native": 1e-3, "tomopy": 0.05}.get(name, 0.01)
    )


@pytest.mark.parametrize("name", BACKENDS)
def test_a_single_voxel_lands_in_its_row_and_on_its_column(make, name):
    A = make(name, (17, 17), 17, angles_deg=[0, 90, -90, 45, 180], shifts_x=None)
    x = torch.zeros(17, 9, 17)
    x[8 + 3, 4 - 2, 8 + 5] = 2.0  # (z, y, x) = (3, -2, 5) from the centre
    views = A(x.to(A.device)).cpu().numpy()
    assert set(np.flatnonzero(np.abs(views).sum((0, 2)) > 1e-6)) == {2}
    for view, column in zip(views[[0, 1, 2, 4], 2], [5, 3, -3, -5], strict=True):
        np.testing.assert_allclose(view, 2.0 * (np.arange(17) == 8 + column), atol=1e-3)
    # At 45 degrees the voxel lies between two columns, 8 / sqrt 2 = 5.66.
    assert int(np.argmax(views[3, 2])) == 8 + 6


@pytest.mark.parametrize("name", EXACT)
def test_a_shift_to_add_of_one_means_a_column_one_lower(make, name):
    x = blob((21, 21), 3, (2, 0, -3), 1.5)
    still, moved = make(name, (21, 21), 31), make(name, (21, 21), 31, shifts_x=np.ones(11))
    a, b = still(x.to(still.device)).cpu(), moved(x.to(still.device)).cpu()
    torch.testing.assert_close(b[..., :-1], a[..., 1:], rtol=0, atol=2e-4)
    assert float((b - a).abs().max()) > 0.1


@pytest.mark.parametrize("name", [n for n in BACKENDS if n != "native"])
def test_backends_agree_on_a_smooth_phantom(make, name):
    zx = (40, 40) if name == "tomopy" else (36, 40)
    angles = np.arange(-70, 71, 10.0)
    shift = shifts_for(name, angles.size)
    A, native = make(name, zx, 40, angles, shift), make("native", zx, 40, angles, shift)
    x = blob(zx, 3, (3, 0, -4), 4.0) + 2 * blob(zx, 3, (-5, 1, 6), 3.0)
    theirs, ours = A(x.to(A.device)).cpu(), native(x)
    # ASTRA's linear kernel is the same model in single precision; the others integrate over other
    # shapes.
    bound = 1e-5 if name == "astra-linear" else 0.01
    assert float((theirs - ours).norm() / ours.norm()) < bound
    # An unfiltered back-projection of one model may be rough where the other's is smooth, by the
    # steps of a voxel's footprint.
    back_theirs, back_ours = A.T(ours.to(A.device)).cpu(), native.T(ours)
    assert float((back_theirs - back_ours).norm() / back_ours.norm()) < (
        5e-5 if name == "astra-linear" else 0.03
    )


@pytest.mark.parametrize("name", BACKENDS)
def test_a_projection_is_linear_and_keeps_mass(make, name):
    A = make(name, (24, 24), 24, angles_deg=[0, 30, -65, 90])
    x, other = (
        blob((24, 24), 4, (1, 0, 2), 2.5).to(A.device),
        blob((24, 24), 4, (-3, 1, -2), 2.0).to(A.device),
    )
    torch.testing.assert_close(A(7 * x), 7 * A(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(A(x + other), A(x) + A(other), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(A(x)[0], x.sum(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(A(x).double().sum((1, 2)).cpu(), float(x.double().sum()), rtol=2e-3)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_batch_axis_is_so_many_projections(make, name):
    A = make(name, (12, 12), 12)
    x = torch.rand(2, 3, 12, 5, 12, generator=torch.Generator().manual_seed(0)).to(A.device)
    y = A(x)
    assert y.shape == (2, 3, 11, 5, 12)
    back = A.T(y)
    assert back.shape == x.shape
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(y[i, j], A(x[i, j]), rtol=0, atol=0)
            torch.testing.assert_close(back[i, j], A.T(y[i, j].contiguous()), rtol=0, atol=0)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_memory_that_is_reused_leaves_no_trace(make, name, rows):
    A = make(name, (12, 12), 12)
    random = torch.Generator().manual_seed(0)
    x = torch.rand(12, rows, 12, generator=random).to(A.device)
    y = torch.rand(11, rows, 12, generator=random).to(A.device)
    for run, operand in ((A, x), (A.T, y)):
        wanted = run(operand)
        for old in (run(operand), run(operand[:, :1]), wanted.clone().contiguous()):
            torch.testing.assert_close(
                run(operand, reuse=old.fill_(torch.nan)), wanted, rtol=0, atol=0
            )


@pytest.mark.parametrize("name", EXACT)
def test_memory_is_reused(make, name):
    A = make(name, (12, 12), 12)
    x = torch.rand(12, 5, 12).to(A.device)
    y = A(x)
    assert A(x, reuse=y).data_ptr() == y.data_ptr()
    back = A.T(y)
    assert A.T(y, reuse=back).data_ptr() == back.data_ptr()


@pytest.mark.parametrize("name", BACKENDS)
def test_views_are_those_views(make, name):
    A = make(name, (12, 12), 12, shifts_x=shifts_for(name, 11))
    index = np.array([7, 0, 4])
    x = blob((12, 12), 3, (1, 0, 2), 2.0).to(A.device)
    some = A.views(index)
    assert some.sinogram_tx == (3, 12)
    torch.testing.assert_close(some(x), A(x)[torch.as_tensor(index)], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_wrong_shape_is_named(make, name):
    A = make(name, (12, 12), 12)
    with pytest.raises(UserError, match=r"\(12, 3, 13\) given, \(\.\.\., 12, rows, 12\) wanted"):
        A(torch.zeros(12, 3, 13, device=A.device))
    with pytest.raises(UserError, match=r"\(10, 3, 12\) given, \(\.\.\., 11, rows, 12\) wanted"):
        A.T(torch.zeros(10, 3, 12, device=A.device))
    with pytest.raises(UserError, match="volume of shape"):
        A(torch.zeros(12, 12, device=A.device))
