"""What a prepared dataset holds, in lines for a person to read."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.pedigree import Pedigree
from grvsnn.relationship import inbreeding_coefficients

MAF_EDGES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def survey(data: PreparedDataset, both_sexes: bool = False) -> list[str]:
    """Describe animals, calls, traits, covariates and relatives."""
    lines = [
        *_survey_animals(data),
        *_survey_calls(data.dosages),
        *_survey_traits(data.phenotypes.drop(columns="sample_id")),
        *_survey_covariates(data.covariates.drop(columns="sample_id")),
    ]
    if data.pedigree is not None:
        pedigree = Pedigree.from_frame(data.pedigree, both_sexes=both_sexes)
        lines += survey_pedigree(pedigree, data.sample_ids)
    if data.relationship is not None:
        lines += _survey_relationship(*data.relationship)
    return lines


def allele_frequencies(dosages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minor allele frequency and share of missing calls of each marker.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing.

    Returns
    -------
    maf : ndarray of float64, shape (n_markers,)
        NaN for a marker without calls.
    missing : ndarray of float64, shape (n_markers,)
    """
    called = np.count_nonzero(dosages >= 0, axis=0)
    copies = np.count_nonzero(dosages == 1, axis=0)
    copies += 2 * np.count_nonzero(dosages == 2, axis=0)
    frequency = np.full(len(called), np.nan)
    np.divide(copies, 2 * called, out=frequency, where=called > 0)
    return np.minimum(frequency, 1 - frequency), 1 - called / len(dosages)


def _survey_animals(data: PreparedDataset) -> Iterator[str]:
    read = data.steps[0]
    phenotyped = read.get("phenotyped")
    counts = [f"{read['n_samples']} genotyped"]
    counts += [] if phenotyped is None else [f"{phenotyped} with a row of phenotypes"]
    if data.pedigree is not None:
        counts.append(f"{len(data.pedigree)} in the pedigree")
    counts.append(f"{len(data.sample_ids)} in common")
    yield f"animals: {', '.join(counts)}"
    alone = read.get("phenotyped_not_genotyped")
    if alone:
        yield f"  {alone} phenotyped animals have no genotypes and are not used"
    rounded = read.get("fractional_dosages_rounded")
    if rounded:
        yield f"  {rounded} fractional dosages are rounded to hard calls"


def _survey_calls(dosages: np.ndarray) -> Iterator[str]:
    maf, missing = allele_frequencies(dosages)
    by_animal = np.count_nonzero(dosages < 0, axis=1) / dosages.shape[1]
    yield f"markers: {dosages.shape[1]}"
    yield (
        f"  missing calls {missing.mean():.2%}; at most {missing.max():.1%} of a "
        f"marker, {by_animal.max():.1%} of an animal"
    )
    uncalled, fixed = int(np.isnan(maf).sum()), int((maf == 0).sum())
    yield f"  monomorphic {fixed}, without any call {uncalled}"
    polymorphic = maf[maf > 0]
    if not len(polymorphic):
        return
    below = np.searchsorted(np.sort(polymorphic), MAF_EDGES, side="right")
    counts = np.diff(below, prepend=0)
    classes = ", ".join(
        f"<= {edge:g}: {count}" for edge, count in zip(MAF_EDGES, counts, strict=True)
    )
    yield f"  minor allele frequency {classes}; median {np.median(polymorphic):.3f}"


def _survey_traits(traits: pd.DataFrame) -> Iterator[str]:
    yield f"traits: {traits.shape[1]}"
    for name, column in traits.items():
        yield (
            f"  {name}: missing {column.isna().mean():.1%}, mean {column.mean():.4g}, "
            f"SD {column.std():.4g}, range {column.min():.4g} to {column.max():.4g}"
        )


def _survey_covariates(covariates: pd.DataFrame) -> Iterator[str]:
    yield f"covariates: {covariates.shape[1] or 'none'}"
    for name, column in covariates.items():
        if pd.api.types.is_numeric_dtype(column):
            yield (
                f"  {name}: number, mean {column.mean():.4g}, range "
                f"{column.min():.4g} to {column.max():.4g}"
            )
            continue
        levels = column.value_counts()
        shown = ", ".join(f"{level} ({count})" for level, count in levels[:8].items())
        more = ", ..." if len(levels) > 8 else ""
        yield f"  {name}: {len(levels)} levels: {shown}{more}"


def survey_pedigree(pedigree: Pedigree, sample_ids: np.ndarray) -> Iterator[str]:
    """Describe the depth of a pedigree and the inbreeding in it."""
    rows = pedigree.rows_of(sample_ids)
    founders = (pedigree.sire < 0) & (pedigree.dam < 0)
    both = (pedigree.sire[rows] >= 0) & (pedigree.dam[rows] >= 0)
    depth = pedigree.generation[rows]
    inbreeding = inbreeding_coefficients(pedigree)
    yield (
        f"pedigree: {len(pedigree)} animals, {int(pedigree.generation.max()) + 1} "
        f"generations, {int(founders.sum())} founders ({pedigree.n_added} of them "
        "named as parents only)"
    )
    yield (
        f"  animals in common: both parents known {both.mean():.1%}, ancestors known "
        f"for {depth.mean():.1f} generations on average, {depth.max()} at most"
    )
    yield (
        f"  inbreeding: mean {inbreeding.mean():.4f}, largest {inbreeding.max():.4f}; "
        f"animals in common {inbreeding[rows].mean():.4f}"
    )


def _survey_relationship(ids: np.ndarray, A: np.ndarray) -> Iterator[str]:
    inbreeding = np.diag(A) - 1
    yield f"relationship matrix: {len(ids)} animals"
    yield f"  inbreeding: mean {inbreeding.mean():.4f}, largest {inbreeding.max():.4f}"
