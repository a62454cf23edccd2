"""Folds fitted side by side, each with one BLAS thread."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_limits

from grvsnn.protocol.fold_task import FoldFit, FoldTask


def fit_side_by_side(
    fit_fold: Callable[..., FoldFit],
    tasks: Sequence[FoldTask],
    n_threads: int,
    share: Callable[[Sequence[FoldTask]], Iterable] | None = None,
) -> list[FoldFit]:
    """Fit every outer fold; results do not depend on the number of threads.

    Parameters
    ----------
    fit_fold : callable
        Fits one task, given what `share` has for it.
    tasks : sequence of FoldTask
        Outer folds.
    n_threads : int
        Folds fitted at a time.
    share : callable, optional
        Called once with all tasks; gives each what folds may have in common.
    """
    with threadpool_limits(1), ThreadPoolExecutor(max(1, n_threads)) as pool:
        shared = [share(tasks)] if share else []
        return list(pool.map(fit_fold, tasks, *shared))
