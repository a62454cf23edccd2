"""A small population with families, as folds that a method can fit."""

import dataclasses

import numpy as np
from grvsnn.protocol.fold_task import FoldTask, standardise


def make_population(
    rng: np.random.Generator,
    n_families: int = 12,
    family_size: int = 8,
    n_markers: int = 60,
    n_qtl: int = 6,
    n_traits: int = 2,
    h2: float = 0.6,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dosages of full-sib families, loadings L (L L' = A) and phenotypes."""
    n_samples = n_families * family_size
    family = np.repeat(np.arange(n_families), family_size)
    frequency = rng.uniform(0.2, 0.8, n_markers)
    parents = rng.binomial(1, frequency, (n_families, 4, n_markers))
    pick = rng.integers(2, size=(2, n_samples, n_markers))
    columns = np.arange(n_markers)
    genotypes = parents[family[:, None], pick[0], columns]
    genotypes = genotypes + parents[family[:, None], 2 + pick[1], columns]
    A = 0.5 * (np.equal.outer(family, family) + np.eye(n_samples))
    values, vectors = np.linalg.eigh(A)
    order = np.argsort(-values, kind="stable")[:n_families]
    loadings = vectors[:, order] * np.sqrt(values[order])
    effects = np.zeros((n_markers, n_traits))
    effects[:n_qtl] = rng.standard_normal((n_qtl, n_traits))
    value = standardise(genotypes, np.arange(n_samples)) @ effects
    value /= value.std(axis=0)
    noise = rng.standard_normal((n_samples, n_traits)) * np.sqrt((1 - h2) / h2)
    return genotypes.astype(np.int8), loadings, value + noise


def make_tasks(
    genotypes: np.ndarray,
    loadings: np.ndarray,
    Y: np.ndarray,
    *,
    method: str,
    setting: str = "markers_pedigree",
    n_folds: int = 4,
    seed: int = 1,
) -> list[FoldTask]:
    """Interleaved folds; phenotypes standardised by, and hidden outside, training."""
    n_samples = len(Y)
    if setting == "markers":
        loadings = loadings[:, :0]
    if setting == "pedigree":
        genotypes = genotypes[:, :0]
    names = [f"m{j}" for j in range(genotypes.shape[1])]
    names += [f"l{j}" for j in range(loadings.shape[1])]
    tasks = []
    for fold in range(n_folds):
        test = np.arange(fold, n_samples, n_folds)
        train = np.setdiff1d(np.arange(n_samples), test)
        tasks.append(
            FoldTask(
                dataset="toy",
                setting=setting,
                method=method,
                repeat=1,
                fold=fold + 1,
                seed=seed,
                traits=tuple(f"t{t}" for t in range(Y.shape[1])),
                sample_ids=np.array([f"a{i}" for i in range(n_samples)]),
                Y=hide(Y, train, test),
                genotypes=genotypes,
                loadings=loadings,
                feature_names=np.array(names),
                train=train,
                test=test,
                inner_splits=((train[::2], train[1::2]),),
            )
        )
    return tasks


def hide(Y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Standardise by the observed training rows and blank the test rows."""
    Y = (Y - np.nanmean(Y[train], axis=0)) / np.nanstd(Y[train], axis=0)
    Y[test] = np.nan
    return Y


def change(task: FoldTask, **values: object) -> FoldTask:
    """Copy of a task with some fields replaced."""
    return dataclasses.replace(task, **values)
