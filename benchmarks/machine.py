"""What this machine is, and could do at most: fused multiply-adds on registers alone."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
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


@njit
def _run(n):  # type: ignore[no-untyped-def]
    return _chains(n, np.float32(0.999), np.float32(0.001))


def multiply_add_gflops(n: int = 20_000_000) -> float:
    """Of one thread: best of five runs, in 1e9 operations (a multiply-add is two) per processor
    second."""
    _run(1000)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        _run(n)
        seconds.append(time.process_time() - start)
    return 2 * n * CHAINS * LANES / min(seconds) / 1e9


def machine_name() -> str:
    """The processor and its usable cores; what instructions it has says more than a hidden name."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
        model = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
        name = platform.processor() if model is None else model[1]
    except OSError:
        name = platform.processor()
    features = llvmlite.binding.get_host_cpu_name()
    return f"{name} ({features}), {os.cpu_count()} cores"


def load_average() -> float:
    """Processes that ran or wanted to, over the last minute; more than the cores: a busy
    machine."""
    return os.getloadavg()[0]
