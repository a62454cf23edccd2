"""Checkpoints of finished folds, from which a killed fit resumes."""

import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from grvsnn.base.files import atomic_path, hold_lock, naming_damage, plain
from grvsnn.base.usage import keep_usage
from grvsnn.protocol.fold_task import FitFunction, FoldFit, FoldTask

logger = logging.getLogger(__name__)

COLUMN = "column/"


@contextmanager
def keep_while_fitting(folder: Path) -> Iterator[Path]:
    """Hold a folder for checkpoints, and remove it when the fit is whole.

    Where Snakemake was killed but not its job, the job that takes its place waits here
    until the first has ended: two that shared a search would end it elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder / "lock"):
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


def fit_fold_by_fold(
    fit: FitFunction,
    tasks: Sequence[FoldTask],
    params: Mapping,
    n_threads: int,
    folder: Path,
) -> tuple[list[FoldFit], float]:
    """Fit as many folds at a time as there are threads and keep each in a folder.

    Parameters
    ----------
    fit : callable
        A method whose result for a fold does not depend on the other folds with it.
    tasks, params, n_threads
        As `fit` takes them.
    folder : path
        Made if need be; folds found in it are taken up.

    Returns
    -------
    fits : list of FoldFit
    seconds : float
        Spent on these folds, now or before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for start in range(0, len(tasks), n_threads):
        batch = tasks[start : start + n_threads]
        paths = [folder / f"fold-{task.fold}.npz" for task in batch]
        if not all(path.exists() for path in paths):
            begin = time.perf_counter()
            fits = fit(batch, params, n_threads)
            seconds = (time.perf_counter() - begin) / len(batch)
            for path, result in zip(paths, fits, strict=True):
                write_fold(result, seconds, path)
            keep_usage(folder)
        else:
            logger.info("taken up from %s: %s", folder, [task.fold for task in batch])
        done += [read_fold(path) for path in paths]
    return [result for result, _ in done], sum(seconds for _, seconds in done)


def write_fold(fit: FoldFit, seconds: float, path: Path) -> None:
    """Write one fold's fit and the time it took, without pickles."""
    facts = {"info": dict(fit.info), "seconds": seconds}
    arrays = {
        "predicted": fit.predicted,
        "importance": fit.importance,
        "selected": fit.selected,
        "facts": np.array(json.dumps(facts, default=plain)),
        **{COLUMN + name: value for name, value in fit.feature_columns.items()},
    }
    if fit.intervals is not None:
        arrays["intervals"] = fit.intervals
    with atomic_path(path) as scratch:
        np.savez(scratch, **arrays)


def read_fold(path: Path) -> tuple[FoldFit, float]:
    """Read what `write_fold` wrote."""
    with naming_damage(path), np.load(path) as stored:
        arrays = dict(stored)
    facts = json.loads(str(arrays.pop("facts")))
    columns = {
        name.removeprefix(COLUMN): arrays.pop(name)
        for name in list(arrays)
        if name.startswith(COLUMN)
    }
    fit = FoldFit(info=facts["info"], feature_columns=columns, **arrays)
    return fit, facts["seconds"]
