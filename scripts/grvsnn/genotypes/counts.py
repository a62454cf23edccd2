"""Calls of each genotype, by marker and by animal, and what follows from the counts."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

BLOCK = 4096  # markers at a time


@dataclass(frozen=True, eq=False)
class GenotypeCounts:
    """Numbers of calls, of every marker or of every animal.

    Parameters
    ----------
    calls : ndarray of int64, shape (3, n)
        Calls with 0, 1 and 2 copies of the counted allele a1.
    possible : int
        Calls there would be without gaps.
    """

    calls: np.ndarray
    possible: int

    @property
    def called(self) -> np.ndarray:
        """Number of calls, shape (n,)."""
        return self.calls.sum(axis=0)

    @property
    def call_rate(self) -> np.ndarray:
        """Share of calls that are there, shape (n,)."""
        return self.called / self.possible

    @property
    def frequency(self) -> np.ndarray:
        """Frequency of a1, NaN without calls, shape (n,)."""
        return _share(self.calls[1] + 2 * self.calls[2], 2 * self.called)

    @property
    def maf(self) -> np.ndarray:
        """Frequency of the rarer allele, NaN without calls, shape (n,)."""
        return np.minimum(self.frequency, 1 - self.frequency)

    @property
    def heterozygosity(self) -> np.ndarray:
        """Share of heterozygotes among the calls, NaN without calls, shape (n,)."""
        return _share(self.calls[1], self.called)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    share = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=share, where=whole > 0)


def robust_sd(values: np.ndarray) -> float:
    """1.4826 median absolute deviations from the median; NaN values are left out."""
    return 1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values)))


def count_genotypes(dosages: np.ndarray) -> tuple[GenotypeCounts, GenotypeCounts]:
    """Count calls by marker and by animal.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Copies of a1; negative = missing.

    Returns
    -------
    by_marker, by_animal : GenotypeCounts
    """
    n_samples, n_markers = dosages.shape
    by_marker = np.zeros((3, n_markers), np.int64)
    by_animal = np.zeros((3, n_samples), np.int64)
    for start in range(0, n_markers, BLOCK):
        block = dosages[:, start : start + BLOCK]
        for copies in range(3):
            found = block == copies
            by_marker[copies, start : start + BLOCK] = np.count_nonzero(found, axis=0)
            by_animal[copies] += np.count_nonzero(found, axis=1)
    return GenotypeCounts(by_marker, n_samples), GenotypeCounts(by_animal, n_markers)


def hardy_weinberg_p(calls: np.ndarray) -> np.ndarray:
    """Exact two-sided p values of Hardy-Weinberg proportions.

    The probability, given the numbers of both alleles, of all numbers of heterozygotes
    that are no likelier than the observed one (Wigginton, Cutler & Abecasis 2005,
    doi 10.1086/429864).

    Parameters
    ----------
    calls : ndarray of int, shape (3, n_markers)
        Calls with 0, 1 and 2 copies.

    Returns
    -------
    ndarray of float64, shape (n_markers,)
        1 for a marker with one allele or without calls.
    """
    homozygous = np.sort(calls[[0, 2]], axis=0)
    cases = np.stack([homozygous[0], calls[1], homozygous[1]])
    # many markers share their counts
    cases, place = np.unique(cases, axis=1, return_inverse=True)
    log_factorial = gammaln(np.arange(cases.sum(axis=0).max(initial=0) + 1) + 1)
    p = [_exact_p(*case, log_factorial) for case in cases.T.tolist()]
    return np.array(p, dtype=float)[place.ravel()]


def _exact_p(rare: int, het: int, common: int, log_factorial: np.ndarray) -> float:
    """One marker's p value from its counts of homozygotes and heterozygotes."""
    copies = 2 * rare + het
    hets = np.arange(copies % 2, copies + 1, 2)
    rares = (copies - hets) // 2
    commons = rare + het + common - hets - rares
    log_weight = hets * np.log(2) - (
        log_factorial[hets] + log_factorial[rares] + log_factorial[commons]
    )
    weight = np.exp(log_weight - log_weight.max())
    observed = weight[het // 2]
    # equally likely counts may differ by rounding
    return float(weight[weight <= observed * (1 + 1e-9)].sum() / weight.sum())
