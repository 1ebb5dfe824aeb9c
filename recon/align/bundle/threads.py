"""One BLAS thread for matrices of a few hundred rows."""

from __future__ import annotations

import contextlib
import importlib
from contextlib import AbstractContextManager


def one_blas_thread() -> AbstractContextManager[object]:
    """While it is open, numpy and scipy use one thread: at these sizes threads wait for each other,
    on a busy machine ten times as long as they work. Needs threadpoolctl, which comes with
    scikit-learn; without it nothing changes but the time.
    """
    try:
        limits = importlib.import_module("threadpoolctl")
    except ImportError:
        return contextlib.nullcontext()
    found: AbstractContextManager[object] = limits.threadpool_limits(limits=1, user_api="blas")
    return found
