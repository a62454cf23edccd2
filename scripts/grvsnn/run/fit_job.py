"""One job: all outer folds of dataset x setting x method x repeat, from files to files.

`load_tasks` turns the stage's files into `FoldTask`s, `fit_and_write` runs the method
and writes predictions.parquet, features.parquet and fits.json.
"""

import hashlib
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn import __version__
from grvsnn.base.errors import InputError
from grvsnn.base.files import read_parquet, write_json, write_parquet
from grvsnn.base.usage import usage_so_far
from grvsnn.genotypes.plink import (
    find_gaps,
    impute_by_training_rows,
    read_dosages,
    read_genotypes,
)
from grvsnn.methods.loading import load_fit
from grvsnn.protocol.fold_task import FoldFit, FoldTask
from grvsnn.protocol.folds import fold_rows
from grvsnn.protocol.leakage import demand_no_test_animal
from grvsnn.run.checkpoints import fit_fold_by_fold

logger = logging.getLogger(__name__)

KEYS = ("dataset", "setting", "method", "repeat")
VERSIONS = ("numpy", "scipy", "torch", "scikit-learn", "optuna", "lassonet", "numba")
MODULES = {"scikit-learn": "sklearn"}


@dataclass(frozen=True)
class JobKey:
    """The wildcards of a fit, and the config's seed."""

    dataset: str
    setting: str
    method: str
    repeat: int
    seed: int

    @property
    def columns(self) -> dict[str, object]:
        """The wildcards as columns of the output tables."""
        return {name: getattr(self, name) for name in KEYS}


def load_tasks(
    key: JobKey,
    bed: str | Path,
    training: str | Path,
    folds: str | Path,
    loadings: str | Path | None = None,
    protocol: str = "nested",
    fractional: str | Path | None = None,
    environment: str | Path | None = None,
    relationship: str | Path | None = None,
) -> list[FoldTask]:
    """Build the repeat's tasks, one an outer fold.

    Parameters
    ----------
    key : JobKey
        Which job this is; setting ``pedigree`` leaves the markers out.
    bed : path
        PLINK genotypes.
    training : path
        Phenotypes of this repeat with test rows NaN (`grvsnn.protocol.targets`).
    folds : path
        The dataset's folds table.
    loadings : path or None
        Pedigree loadings; None in setting ``markers``.
    protocol : str
        ``nested``; or one of the two that tune and stop training on the test rows and
        impute and standardise features by all animals: ``published`` fits all
        training rows, ``peeking`` those that each inner split fits.
    fractional : path or None
        Dosages before rounding, in place of the hard calls.
    environment, relationship : path or None
        Common environments, and A among the genotyped animals (a .npy file), for
        methods that read them.

    Raises
    ------
    RuntimeError
        A task holds anything of a test animal under ``nested``.
    """
    dosages, sample_ids, marker_map = read_genotypes(bed)
    if fractional is not None:
        dosages = read_dosages(fractional, dosages.shape)
    markers = marker_map["snp"].to_numpy(str)
    if key.setting == "pedigree":
        dosages, markers = dosages[:, :0], markers[:0]
    L, components = _read_loadings(loadings, sample_ids)
    fold_table = read_parquet(folds)
    fold_table = fold_table[fold_table["repeat"] == key.repeat]
    phenotypes = read_parquet(training)
    row_of = pd.Series(np.arange(len(sample_ids)), index=sample_ids)
    gaps = find_gaps(dosages)
    classes = _read_environment(environment, sample_ids)
    A = None if relationship is None else np.load(relationship)
    tasks = []
    for fold in sorted(fold_table["fold"].unique()):
        train, test, inner = fold_rows(fold_table, key.repeat, fold, sample_ids)
        if protocol == "published":
            inner = ((train, test),)
        elif protocol == "peeking":
            inner = tuple((rows, test) for rows, _ in inner)
        by_all = protocol != "nested"
        scaling_rows = np.arange(len(sample_ids)) if by_all else train
        Y, traits = _trait_matrix(phenotypes[phenotypes["fold"] == fold], row_of)
        tasks.append(
            FoldTask(
                **key.columns,
                fold=int(fold),
                seed=key.seed,
                traits=traits,
                sample_ids=sample_ids,
                Y=Y,
                genotypes=impute_by_training_rows(dosages, scaling_rows),
                loadings=L,
                feature_names=np.concatenate([markers, components]),
                train=train,
                test=test,
                inner_splits=inner,
                gaps=gaps,
                environment=classes,
                relationship=A,
                scaled_by_all=by_all,
            )
        )
        if protocol == "nested":
            demand_no_test_animal(tasks[-1])
    return tasks


def _read_loadings(
    path: str | Path | None, sample_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if path is None:
        return np.zeros((len(sample_ids), 0)), np.array([], dtype=str)
    table = read_parquet(path).set_index("sample_id")
    missing = set(sample_ids) - set(table.index)
    if missing:
        raise InputError(
            f"{path}: {len(missing)} genotyped animals have no pedigree loadings, "
            f"e.g. {str(min(missing))!r}"
        )
    return table.loc[sample_ids].to_numpy(float), table.columns.to_numpy(str)


def _read_environment(
    path: str | Path | None, sample_ids: np.ndarray
) -> dict[str, np.ndarray]:
    """Class number of every animal in each common environment, -1 where unknown."""
    if path is None:
        return {}
    table = read_parquet(path).set_index("sample_id").loc[sample_ids]
    return {
        name: pd.factorize(classes, sort=True)[0] for name, classes in table.items()
    }


def _trait_matrix(
    table: pd.DataFrame, row_of: pd.Series
) -> tuple[np.ndarray, tuple[str, ...]]:
    traits = tuple(name for name in table if name not in ("fold", "sample_id"))
    Y = np.full((len(row_of), len(traits)), np.nan)
    Y[row_of.loc[table["sample_id"]].to_numpy()] = table[list(traits)].to_numpy(float)
    return Y, traits


def checkpoint_folder(
    tasks: Sequence[FoldTask],
    params: Mapping,
    beside: str | Path,
    code: str = "",
) -> Path:
    """Folder in which a killed fit finds what it had done.

    Its name hashes everything the fit depends on, so that a checkpoint of other data,
    parameters, version or `code` (a hash) is never taken up.
    """
    digest = hashlib.sha256(f"{__version__}{code}{sorted(params.items())}".encode())
    for task in tasks:
        digest.update(f"{task.seed_for()}".encode())
        splits = chain.from_iterable(task.inner_splits)
        rows = (task.train, task.scaling_rows)
        more = [] if task.relationship is None else [task.relationship]
        more += task.environment.values()
        arrays = (task.Y, task.genotypes, task.loadings, *rows, *splits, *more)
        for array in arrays:
            digest.update(np.ascontiguousarray(array))
    return Path(beside).parent / f"checkpoint-{digest.hexdigest()[:16]}"


def fit_and_write(
    module: str,
    tasks: Sequence[FoldTask],
    params: Mapping,
    n_threads: int,
    predictions: str | Path,
    features: str | Path,
    fits: str | Path,
    checkpoint: Path | None = None,
) -> None:
    """Fit one repeat by a module of `grvsnn.methods` and write its three files.

    With a folder for checkpoints, folds are fitted one by one and kept there.
    """
    results, seconds = _fit(module, tasks, params, n_threads, checkpoint)
    for task, result in zip(tasks, results, strict=True):
        _check_fit(task, result)
    pairs = list(zip(tasks, results, strict=True))
    write_parquet(pd.concat([_predictions(*pair) for pair in pairs]), predictions)
    write_parquet(pd.concat([_features(*pair) for pair in pairs]), features)
    write_json(_facts(pairs, params, n_threads, seconds), fits)
    logger.info("%d folds in %.1f s", len(tasks), seconds)


def _fit(
    module: str,
    tasks: Sequence[FoldTask],
    params: Mapping,
    n_threads: int,
    checkpoint: Path | None,
) -> tuple[list[FoldFit], float]:
    """Fit all folds; also returns the seconds they took."""
    fit = load_fit(module)
    if checkpoint:
        return fit_fold_by_fold(fit, tasks, params, n_threads, checkpoint)
    start = time.perf_counter()
    return fit(tasks, params, n_threads), time.perf_counter() - start


def _check_fit(task: FoldTask, fit: FoldFit) -> None:
    """Hold a method to the contract before anything is written."""
    expected = {
        "predicted": (len(task.test), len(task.traits)),
        "importance": (task.n_features, len(task.traits)),
        "selected": (task.n_features, len(task.traits)),
    }
    for name, shape in expected.items():
        value = getattr(fit, name)
        if value.shape != shape:
            raise ValueError(f"{task.method}: {name} has shape {value.shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"{task.method}: {name} is not finite in fold {task.fold}")
    _check_intervals(task, fit)


def _check_intervals(task: FoldTask, fit: FoldFit) -> None:
    if fit.intervals is None:
        return
    if fit.intervals.shape != (*fit.predicted.shape, 2):
        raise ValueError(f"{task.method}: intervals has shape {fit.intervals.shape}")
    # infinite bounds are honest where calibration rows are few, NaN never is
    lower, upper = np.moveaxis(fit.intervals, -1, 0)
    if not (lower <= upper).all():
        raise ValueError(
            f"{task.method}: intervals are not ordered in fold {task.fold}"
        )


def _keys(task: FoldTask) -> dict[str, object]:
    return {**{name: getattr(task, name) for name in KEYS}, "fold": task.fold}


def _predictions(task: FoldTask, fit: FoldFit) -> pd.DataFrame:
    n_test = len(task.test)
    intervals = fit.intervals
    if intervals is None:
        intervals = np.full((*fit.predicted.shape, 2), np.nan)
    lower, upper = intervals.T.reshape(2, -1)
    return pd.DataFrame(
        {
            **_keys(task),
            "trait": np.repeat(task.traits, n_test),
            "sample_id": np.tile(task.sample_ids[task.test], len(task.traits)),
            "predicted": fit.predicted.T.ravel(),
            "lower": lower,
            "upper": upper,
        }
    )


def _features(task: FoldTask, fit: FoldFit) -> pd.DataFrame:
    """Long table of features, with text columns as categories to keep it small."""
    n_traits = len(task.traits)
    kind = np.repeat(["marker", "loading"], [task.n_markers, task.n_loadings])
    columns = {
        "trait": np.repeat(task.traits, task.n_features),
        "feature": np.tile(task.feature_names, n_traits),
        "kind": np.tile(kind, n_traits),
    }
    values = {
        "importance": fit.importance,
        "selected": fit.selected,
        **fit.feature_columns,
    }
    frame = pd.DataFrame({**_keys(task), **columns})
    for name, value in values.items():
        flat = np.asarray(value).T.ravel()
        frame[name] = flat.astype(np.float32) if flat.dtype.kind == "f" else flat
    return frame


def _facts(
    pairs: Sequence[tuple[FoldTask, FoldFit]],
    params: Mapping,
    n_threads: int,
    seconds: float,
) -> dict:
    task = pairs[0][0]
    return {
        **{name: getattr(task, name) for name in KEYS},
        "seed": task.seed,
        "params": dict(params),
        "n_threads": n_threads,
        "seconds": seconds,
        "peak_memory_mb": usage_so_far().peak_mb,
        "versions": _versions() | dict(pairs[0][1].info.get("versions", {})),
        "folds": [{"fold": task.fold, **dict(fit.info)} for task, fit in pairs],
    }


def _versions() -> dict[str, str]:
    """Versions of the packages that this process has loaded, not of all installed."""
    found = {"grvsnn": __version__}
    for package in VERSIONS:
        if MODULES.get(package, package) in sys.modules:
            # a package may be there without the record of its installation
            with suppress(PackageNotFoundError):
                found[package] = version(package)
    return found
