"""What this machine could do at most: fused multiply-adds on registers alone."""

from __future__ import annotations

import time
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

# Twelve independent chains hide the latency of an FMA (4 cycles) on two units, and fit into the
# registers.
CHAINS = 12
LANES = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8


def _emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    n, scale, offset = args
    i64, f32 = ir.IntType(64), ir.FloatType()
    vector = ir.VectorType(f32, LANES)
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
    )

    def spread(value: Any) -> Any:
        lane0 = builder.insert_element(
            ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(lane0, ir.Constant(vector, ir.Undefined), zeros)

    a, b, before = spread(scale), spread(offset), builder.block
    starts = [spread(ir.Constant(f32, float(i + 1))) for i in range(CHAINS)]
    body, done = (builder.function.append_basic_block(f"fma.{name}") for name in ("body", "done"))
    builder.branch(body)
    builder.position_at_end(body)
    k, chains = builder.phi(i64), [builder.phi(vector) for _ in starts]
    new = [builder.call(fma, [a, chain, b]) for chain in chains]
    following = builder.add(k, ir.Constant(i64, 1))
    for phi, start, value in zip(
        [k, *chains], [ir.Constant(i64, 0), *starts], [following, *new], strict=True
    ):
        phi.add_incoming(start, before)
        phi.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", following, n), body, done)
    builder.position_at_end(done)
    total = new[0]
    for value in new[1:]:
        total = builder.fadd(total, value)
    return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))


@intrinsic
def _chains(typingctx, n, scale, offset):  # type: ignore[no-untyped-def]
    return types.float32(types.int64, types.float32, types.float32), _emit


@njit(parallel=True)
def _run(n, n_threads, out):  # type: ignore[no-untyped-def]
    for i in prange(n_threads):
        out[i] = _chains(n, np.float32(0.999), np.float32(0.001))


def multiply_add_gflops(threads: int, n: int = 20_000_000) -> float:
    """Best of five runs, in 1e9 operations (a multiply-add is two) per second."""
    numba.set_num_threads(threads)
    out = np.zeros(threads, np.float32)
    _run(1000, threads, out)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        _run(n, threads, out)
        seconds.append(time.perf_counter() - start)
    return 2 * n * CHAINS * LANES * threads / min(seconds) / 1e9
