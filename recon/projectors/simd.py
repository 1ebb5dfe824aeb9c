"""One SIMD loop for both directions of the native projector: dst[row] (+)= sum_k weight[k] * src[tap[k], row].

A plain numba loop cannot be vectorised well here: eight source rows may alias the destination for all the compiler knows, so
it loads and stores the destination for every tap. Written as LLVM vector code, the sums of up to 128 rows stay in registers
over all taps, and a tap costs one load and one fused multiply-add per 16 rows. LLVM lowers <16 x float> to whatever the
machine has (AVX-512, AVX2, NEON). Every row sees the same sequence of fused multiply-adds whatever block it lies in, so
results do not depend on how rows are cut into slabs, bit for bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_F32 = ir.FloatType()


def _emit(context: Any, builder: Any, signature: Any, args: Any, lanes: int, n_vectors: int) -> Any:
    """LLVM code of one block of ``lanes * n_vectors`` rows."""
    dst, dst_row, src, tap, weight, n_taps, first, add = args
    dst, src, tap, weight = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip((signature.args[i] for i in (0, 2, 3, 4)), (dst, src, tap, weight), strict=True)
    )
    vector = ir.VectorType(_F32, lanes) if lanes > 1 else _F32
    suffix = f"v{lanes}f32" if lanes > 1 else "f32"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.{suffix}")
    n_rows = builder.extract_value(dst.shape, 1)

    def block(base: Any, row: Any) -> list[Any]:
        start = builder.gep(base, [builder.add(builder.mul(row, n_rows), first)])
        return [
            builder.bitcast(builder.gep(start, [ir.Constant(_I64, lanes * j)]), vector.as_pointer()) for j in range(n_vectors)
        ]

    out = block(dst.data, dst_row)
    start = [builder.select(add, builder.load(p, align=4), ir.Constant(vector, None)) for p in out]
    before = builder.block
    head, body, done = (builder.function.append_basic_block(f"taps.{n}") for n in ("head", "body", "done"))
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
        lane0 = builder.insert_element(ir.Constant(vector, ir.Undefined), w, ir.Constant(ir.IntType(32), 0))
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
    return context.get_dummy_value()


def _signature(dst: Any, src: Any, tap: Any, weight: Any) -> Any:
    return types.void(dst, types.int64, src, tap, weight, types.int64, types.int64, types.boolean)


# numba needs each intrinsic as a module-level function of its own to cache the kernels that use it.
@intrinsic
def _rows128(typingctx, dst, dst_row, src, tap, weight, n_taps, first, add):
    return _signature(dst, src, tap, weight), lambda c, b, s, a: _emit(c, b, s, a, 16, 8)


@intrinsic
def _rows64(typingctx, dst, dst_row, src, tap, weight, n_taps, first, add):
    return _signature(dst, src, tap, weight), lambda c, b, s, a: _emit(c, b, s, a, 16, 4)


@intrinsic
def _rows32(typingctx, dst, dst_row, src, tap, weight, n_taps, first, add):
    return _signature(dst, src, tap, weight), lambda c, b, s, a: _emit(c, b, s, a, 16, 2)


@intrinsic
def _rows16(typingctx, dst, dst_row, src, tap, weight, n_taps, first, add):
    return _signature(dst, src, tap, weight), lambda c, b, s, a: _emit(c, b, s, a, 16, 1)


@intrinsic
def _rows4(typingctx, dst, dst_row, src, tap, weight, n_taps, first, add):
    return _signature(dst, src, tap, weight), lambda c, b, s, a: _emit(c, b, s, a, 4, 1)


@intrinsic
def _rows1(typingctx, dst, dst_row, src, tap, weight, n_taps, first, add):
    return _signature(dst, src, tap, weight), lambda c, b, s, a: _emit(c, b, s, a, 1, 1)


@njit(inline="always")
def gather_rows(dst, dst_row, src, tap, weight, n_taps, first, last, add):
    """dst[dst_row, first:last] = (old if add) + sum over k < n_taps of weight[k] * src[tap[k], first:last].

    ``dst``, ``src``: (., rows) float32, C order; ``tap``: int64; ``weight``: float32.
    """
    r = first
    while r + 128 <= last:
        _rows128(dst, dst_row, src, tap, weight, n_taps, r, add)
        r += 128
    if r + 64 <= last:
        _rows64(dst, dst_row, src, tap, weight, n_taps, r, add)
        r += 64
    if r + 32 <= last:
        _rows32(dst, dst_row, src, tap, weight, n_taps, r, add)
        r += 32
    if r + 16 <= last:
        _rows16(dst, dst_row, src, tap, weight, n_taps, r, add)
        r += 16
    while r + 4 <= last:
        _rows4(dst, dst_row, src, tap, weight, n_taps, r, add)
        r += 4
    while r < last:
        _rows1(dst, dst_row, src, tap, weight, n_taps, r, add)
        r += 1
