"""One SIMD loop for both directions of the native projector: dst[row] (+)= sum_k weight[k] *
src[tap[k], row].

A plain numba loop cannot be vectorised well here: eight source rows may alias the destination for
all the compiler knows, so it loads and stores the destination for every tap. Written as LLVM vector
code, the sums of up to 128 rows stay in registers over all taps, and a tap costs one load and one
fused multiply-add per 16 rows. LLVM lowers <16 x float> to whatever the machine has (AVX-512, AVX2,
NEON). Every row sees the same sequence of fused multiply-adds whatever block it lies in, so results
do not depend on how rows are cut into slabs, bit for bit.

A sum waits for its own last multiply-add, so a machine wants about eight sums at a time. Few rows
are fewer, and the adjoint then sums two neighbouring voxels (lines of ``dst``) at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_F32 = ir.FloatType()
MOST_ROWS = 128  # of a block: eight registers of sums
FEW_ROWS = 32  # of which one line alone would keep a machine waiting
LINES = 2  # that are then summed at once


def _emit(
    context: Any, builder: Any, signature: Any, args: Any, lanes: int, n_vectors: int, n_lines: int
) -> None:
    """LLVM code of one block: of every line ``n_vectors`` of ``lanes`` rows, the last of which ends
    with the block and may overlap the one before.

    What two vectors both hold is loaded before either is stored, and comes out the same.
    """
    dst, dst_row, src, tap, weight, n_taps, first, last, add = args
    dst, src, tap, weight = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(
            (signature.args[i] for i in (0, 2, 3, 4)), (dst, src, tap, weight), strict=True
        )
    )
    vector = ir.VectorType(_F32, lanes) if lanes > 1 else _F32
    suffix = f"v{lanes}f32" if lanes > 1 else "f32"
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.{suffix}"
    )
    n_rows = builder.extract_value(dst.shape, 1)

    offsets = [builder.add(first, ir.Constant(_I64, lanes * j)) for j in range(n_vectors - 1)]
    offsets.append(builder.sub(last, ir.Constant(_I64, lanes)))

    def block(base: Any, row: Any) -> list[Any]:
        start = builder.gep(base, [builder.mul(row, n_rows)])
        return [builder.bitcast(builder.gep(start, [at]), vector.as_pointer()) for at in offsets]

    lines = [ir.Constant(_I64, i) for i in range(n_lines)]
    out = [
        p
        for i in lines
        for p in block(dst.data, builder.add(dst_row, i) if n_lines > 1 else dst_row)
    ]
    start = [builder.select(add, builder.load(p, align=4), ir.Constant(vector, None)) for p in out]
    before = builder.block
    head, body, done = (
        builder.function.append_basic_block(f"taps.{n}") for n in ("head", "body", "done")
    )
    builder.branch(head)

    builder.position_at_end(head)
    k = builder.phi(_I64)
    k.add_incoming(ir.Constant(_I64, 0), before)
    sums = [builder.phi(vector) for _ in out]
    for total, value in zip(sums, start, strict=True):
        total.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", k, n_taps), body, done)

    builder.position_at_end(body)
    for i in lines:
        at = builder.add(k, builder.mul(i, n_taps)) if n_lines > 1 else k
        w = builder.load(builder.gep(weight.data, [at]))
        if lanes > 1:
            lane0 = builder.insert_element(
                ir.Constant(vector, ir.Undefined), w, ir.Constant(ir.IntType(32), 0)
            )
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            w = builder.shuffle_vector(lane0, ir.Constant(vector, ir.Undefined), zeros)
        source = block(src.data, builder.load(builder.gep(tap.data, [at])))
        own = sums[i.constant * n_vectors : (i.constant + 1) * n_vectors]
        for total, pointer in zip(own, source, strict=True):
            total.add_incoming(builder.call(fma, [w, builder.load(pointer, align=4), total]), body)
    k.add_incoming(builder.add(k, ir.Constant(_I64, 1)), body)
    builder.branch(head)

    builder.position_at_end(done)
    for pointer, total in zip(out, sums, strict=True):
        builder.store(total, pointer, align=4)


def _shape(n_rows: int) -> tuple[int, int, int]:
    """(lanes, vectors, lines) of a block of one line."""
    lanes = 16 if n_rows > 16 else 4 if n_rows >= 4 else 1
    return lanes, -(-n_rows // lanes), 1


def _shape_of_lines(n_rows: int) -> tuple[int, int, int]:
    """(lanes, vectors, lines) of a block of ``LINES``."""
    lanes = next(lanes for lanes in (16, 8, 4, 1) if n_rows >= lanes)
    return lanes, -(-n_rows // lanes), LINES


def _switch(
    context: Any,
    builder: Any,
    signature: Any,
    args: Any,
    shape_of: Callable[[int], tuple[int, int, int]],
    most_rows: int,
) -> Any:
    """A block of every shape, and a jump to that of ``last - first`` rows."""
    end = builder.function.append_basic_block("rows.end")
    jump = builder.switch(builder.sub(args[7], args[6]), end)
    for shape in sorted({shape_of(n) for n in range(1, most_rows + 1)}):
        block = builder.function.append_basic_block("rows.{}x{}x{}".format(*shape))
        for n in range(1, most_rows + 1):
            if shape_of(n) == shape:
                jump.add_case(ir.Constant(_I64, n), block)
        builder.position_at_end(block)
        _emit(context, builder, signature, args, *shape)
        builder.branch(end)
    builder.position_at_end(end)
    return context.get_dummy_value()


@intrinsic
def gather_rows(typingctx, dst, dst_row, src, tap, weight, n_taps, first, last, add):
    """dst[dst_row, first:last] = (old if add) + sum over k < n_taps of weight[k] * src[tap[k],
    first:last].

    ``dst``, ``src``: (., rows) float32, C order; ``tap``: int64; ``weight``: float32; at most 128
    rows. All of them go through the taps at once: one vector alone would wait for its own sums, so
    that 128 rows take hardly longer than 16.
    """
    i64 = types.int64
    code = partial(_switch, shape_of=_shape, most_rows=MOST_ROWS)
    return types.void(dst, i64, src, tap, weight, i64, i64, i64, types.boolean), code


@intrinsic
def gather_lines(typingctx, dst, dst_row, src, tap, weight, n_taps, first, last, add):
    """``gather_rows`` of ``LINES`` lines from ``dst_row`` on, the second with the taps from ``n_taps``
    on; at most ``FEW_ROWS`` rows."""
    i64 = types.int64
    code = partial(_switch, shape_of=_shape_of_lines, most_rows=FEW_ROWS)
    return types.void(dst, i64, src, tap, weight, i64, i64, i64, types.boolean), code
