"""Genotypes that Mendel's first law forbids, between parents and offspring."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from grvsnn.pedigree.pedigree import Pedigree

FAMILIES = 64  # families compared at a time


def genotyped_families(pedigree: Pedigree, sample_ids: np.ndarray) -> pd.DataFrame:
    """Genotyped animals with a genotyped parent.

    Parameters
    ----------
    pedigree : Pedigree
    sample_ids : ndarray of str, shape (n_samples,)
        Genotyped animals.

    Returns
    -------
    DataFrame
        offspring, sire, dam: rows of `sample_ids`, -1 for a parent without genotypes;
        in the order of the offspring.
    """
    row = pd.Index(sample_ids).get_indexer(pedigree.ids)
    # the last entry answers for an unknown parent
    row = np.append(row, -1)
    table = pd.DataFrame(
        {"offspring": row[:-1], "sire": row[pedigree.sire], "dam": row[pedigree.dam]}
    )
    is_family = (table["offspring"] >= 0) & ((table["sire"] >= 0) | (table["dam"] >= 0))
    return table[is_family].sort_values("offspring", ignore_index=True)


def parent_pairs(families: pd.DataFrame) -> pd.DataFrame:
    """One row per offspring and genotyped parent: offspring, parent, role."""
    pairs = families.melt("offspring", var_name="role", value_name="parent")
    pairs = pairs[pairs["parent"] >= 0]
    return pairs.sort_values(["offspring", "role"], ignore_index=True)


@dataclass(frozen=True, eq=False)
class Conflicts:
    """Numbers of impossible genotypes, and of those that could be judged.

    Parameters
    ----------
    conflicts, tested : ndarray of int64, shape (n_families,)
        Markers, by family.
    marker_conflicts, marker_tested : ndarray of int64, shape (n_markers,)
        Families, by marker.
    """

    conflicts: np.ndarray
    tested: np.ndarray
    marker_conflicts: np.ndarray
    marker_tested: np.ndarray

    @property
    def rate(self) -> np.ndarray:
        """Share of conflicts among the markers tested, shape (n_families,)."""
        return self.conflicts / np.maximum(self.tested, 1)


def count_conflicts(
    dosages: np.ndarray, offspring: np.ndarray, *parents: np.ndarray
) -> Conflicts:
    """Count impossible genotypes of offspring with one parent or with both.

    A parent with g copies of an allele passes on at least [g = 2] and at most [g > 0]
    of them, one that is not looked at 0 or 1; an offspring outside the sum of these
    bounds is impossible. With one parent these are the opposing homozygotes.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing; a marker counts where every member has a call.
    offspring : ndarray of int, shape (n_families,)
        Row numbers.
    *parents : ndarray of int, each of shape (n_families,)
        Rows of one parent or of two.
    """
    n_families, n_markers = len(offspring), dosages.shape[1]
    found = [np.zeros(size, np.int64) for size in (n_families, n_markers) * 2]
    conflicts, marker_conflicts, tested, marker_tested = found
    for start in range(0, n_families, FAMILIES):
        part = slice(start, start + FAMILIES)
        child = dosages[offspring[part]]
        others = [dosages[rows[part]] for rows in parents]
        usable = np.logical_and.reduce([child >= 0, *(g >= 0 for g in others)])
        least = sum((g == 2).astype(np.int8) for g in others)
        most = sum((g > 0).astype(np.int8) for g in others) + (2 - len(others))
        impossible = usable & ((child < least) | (child > most))
        conflicts[part], tested[part] = impossible.sum(axis=1), usable.sum(axis=1)
        marker_conflicts += impossible.sum(axis=0)
        marker_tested += usable.sum(axis=0)
    return Conflicts(conflicts, tested, marker_conflicts, marker_tested)


def expected_conflicts(frequency: np.ndarray, n_parents: int) -> np.ndarray:
    """Probability of a conflict where the parents named are not the parents.

    For unrelated animals in Hardy-Weinberg proportions, p the frequency of an allele
    and q = 1 - p:

    - one parent: 2 p² q², two opposing homozygotes;
    - both: q² (1 - (1 - p²)²) + p² (1 - (1 - q²)²) + 2 p q (p⁴ + q⁴), the offspring
      being 0, 2 and 1 in turn.

    Parameters
    ----------
    frequency : ndarray of float, shape (n_markers,)
    n_parents : {1, 2}

    Returns
    -------
    ndarray of float64, shape (n_markers,)
    """
    p2, q2 = frequency**2, (1 - frequency) ** 2
    if n_parents == 1:
        return 2 * p2 * q2
    homozygous = q2 * (1 - (1 - p2) ** 2) + p2 * (1 - (1 - q2) ** 2)
    return homozygous + (1 - p2 - q2) * (p2**2 + q2**2)


def random_pairs(
    families: pd.DataFrame, n_samples: int, n_pairs: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Pairs of different animals, neither recorded as a parent of the other.

    Returns
    -------
    DataFrame
        offspring and parent, row numbers; fewer than `n_pairs` where some were kin.
    """
    if n_samples < 2:
        return pd.DataFrame({"offspring": [], "parent": []}, dtype=int)
    first = rng.integers(0, n_samples, n_pairs)
    second = (first + rng.integers(1, n_samples, n_pairs)) % n_samples
    kin = parent_pairs(families)
    codes = kin["offspring"].to_numpy(int) * n_samples + kin["parent"].to_numpy(int)
    is_kin = np.isin(first * n_samples + second, codes)
    is_kin |= np.isin(second * n_samples + first, codes)
    return pd.DataFrame({"offspring": first[~is_kin], "parent": second[~is_kin]})
