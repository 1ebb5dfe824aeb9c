"""One SIMD loop for both directions of the native projector: dst[row] (+)= sum_k weight[k] *
src[tap[k], row].

A plain numba loop cannot be vectorised well here: eight source rows may alias the destination for
all the compiler knows, so it loads and stores the destination for every tap. Written as LLVM vector
code, the sums of up to 128 rows stay in registers over all taps, and a tap costs one load and one
fused multiply-add per 16 rows. LLVM lowers <16 x float> to whatever the machine has (AVX-512, AVX2,
NEON). Every row sees the same sequence of fused multiply-adds whatever block it lies in, so results
do not depend on how rows are cut into slabs, bit for bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_F32 = ir.FloatType()
MOST_ROWS = 128  # of a block: eight registers of sums


def _emit(
    context: Any, builder: Any, signature: Any, args: Any, lanes: int, n_vectors: int
) -> None:
    """LLVM code of one block: ``n_vectors`` of ``lanes`` rows, the last of which ends with the
    block and may overlap the one before.

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

    out = block(dst.data, dst_row)
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
    w = builder.load(builder.gep(weight.data, [k]))
    if lanes > 1:
        lane0 = builder.insert_element(
            ir.Constant(vector, ir.Undefined), w, ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        w = builder.shuffle_vector(lane0, ir.Constant(vector, ir.Undefined), zeros)
    source = block(src.data, builder.load(builder.gep(tap.data, [k])))
    for total, pointer in zip(sums, source, strict=True):
        total.add_incoming(builder.call(fma, [w, builder.load(pointer, align=4), total]), body)
    k.add_incoming(builder.add(k, ir.Constant(_I64, 1)), body)
    builder.branch(head)

    builder.position_at_end(done)
    for pointer, total in zip(out, sums, strict=True):
        builder.store(total, pointer, align=4)


def _shape(n_rows: int) -> tuple[int, int]:
    """(lanes, vectors) of a block."""
    lanes = 16 if n_rows > 16 else 4 if n_rows >= 4 else 1
    return lanes, -(-n_rows // lanes)


def _switch(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """A block of every shape, and a jump to that of ``last - first`` rows."""
    end = builder.function.append_basic_block("rows.end")
    jump = builder.switch(builder.sub(args[7], args[6]), end)
    for shape in sorted({_shape(n) for n in range(1, MOST_ROWS + 1)}):
        block = builder.function.append_basic_block("rows.{}x{}".format(*shape))
        for n in range(1, MOST_ROWS + 1):
            if _shape(n) == shape:
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
    return types.void(dst, i64, src, tap, weight, i64, i64, i64, types.boolean), _switch
