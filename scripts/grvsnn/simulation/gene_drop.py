"""Haplotypes: gametes with recombination, a historical population, gene dropping."""

import numpy as np

from grvsnn.base.errors import InputError
from grvsnn.pedigree.pedigree import Pedigree

CANDIDATES_PER_LOCUS = 2
"""Loci started per locus wanted, since drift fixes some of them."""


def make_gametes(
    haplotypes: np.ndarray,
    parents: np.ndarray,
    cm: np.ndarray,
    length_cm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """One gamete of each listed parent on one chromosome, without interference.

    Crossovers are a Poisson process of one per 100 cM (Haldane 1919), so that two loci
    recombine with probability (1 - exp(-2 d)) / 2 at a distance of d Morgans.

    Parameters
    ----------
    haplotypes : ndarray of uint8, shape (n_animals, 2, n_loci)
        Alleles 0 and 1 on each animal's two strands.
    parents : ndarray of int, shape (n_gametes,)
        Row of the parent of each gamete.
    cm : ndarray of float64, shape (n_loci,)
        Ascending positions on the chromosome.
    length_cm : float
        Length of the chromosome.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of uint8, shape (n_gametes, n_loci)
    """
    n_gametes, n_loci = len(parents), len(cm)
    counts = rng.poisson(length_cm / 100, n_gametes)
    gamete = np.repeat(np.arange(n_gametes), counts)
    locus = np.searchsorted(cm, rng.uniform(0, length_cm, len(gamete)))
    # a 1 switches the strand from this locus on; column n_loci is past the end
    switch = np.zeros((n_gametes, n_loci + 1), dtype=np.uint8)
    switch[:, 0] = rng.integers(0, 2, n_gametes)
    np.bitwise_xor.at(switch, (gamete, locus), 1)
    strand = np.bitwise_xor.accumulate(switch[:, :n_loci], axis=1)
    first, second = haplotypes[parents, 0], haplotypes[parents, 1]
    second ^= first
    second &= strand
    return first ^ second


def random_matings(
    n_animals: int, n_generations: int, rng: np.random.Generator
) -> np.ndarray:
    """Parents of every historical animal, shape (n_generations, n_animals, 2).

    Drawn once and used for all chromosomes, which thus share one pedigree.
    """
    return rng.integers(0, n_animals, (n_generations, n_animals, 2))


def found_haplotypes(
    n_loci: int,
    length_cm: float,
    matings: np.ndarray,
    min_maf: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Haplotypes of the last historical generation on one chromosome.

    Loci start in linkage equilibrium at uniform frequencies; drift and recombination in
    a population of N animals then bring r^2 near 1 / (1 + 4 N c).

    Parameters
    ----------
    n_loci : int
        Loci wanted.
    length_cm : float
        Length of the chromosome.
    matings : ndarray of int, shape (n_generations, n_animals, 2)
        From `random_matings`.
    min_maf : float
        Smallest minor allele frequency of a locus that is kept.
    rng : Generator
        Source of randomness.

    Returns
    -------
    haplotypes : ndarray of uint8, shape (n_animals, 2, n_loci)
    cm : ndarray of float64, shape (n_loci,)
        Ascending positions.
    """
    n_animals = matings.shape[1]
    n_candidates = CANDIDATES_PER_LOCUS * n_loci + 20
    cm = np.sort(rng.uniform(0, length_cm, n_candidates))
    frequency = rng.uniform(0.05, 0.95, n_candidates)
    shape = (n_animals, 2, n_candidates)
    pool = (rng.random(shape, dtype=np.float32) < frequency).astype(np.uint8)
    for parents in matings:
        gametes = make_gametes(pool, parents.ravel(), cm, length_cm, rng)
        pool = gametes.reshape(shape)
    share = pool.mean(axis=(0, 1))
    segregating = np.flatnonzero(
        (np.minimum(share, 1 - share) >= min_maf) & (share > 0) & (share < 1)
    )
    if len(segregating) < n_loci:
        raise InputError(
            f"simulate: drift left {len(segregating)} of {n_loci} wanted loci per "
            "chromosome polymorphic; raise historical_size, or lower "
            "historical_generations or min_maf"
        )
    kept = np.sort(rng.choice(segregating, n_loci, replace=False))
    return np.ascontiguousarray(pool[:, :, kept]), cm[kept]


def drop_genes(
    pedigree: Pedigree,
    pool: np.ndarray,
    cm: np.ndarray,
    length_cm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Drop one chromosome through a pedigree.

    Parameters
    ----------
    pedigree : Pedigree
        n animals; an unknown parent is a random animal of the pool.
    pool : ndarray of uint8, shape (n_pool, 2, n_loci)
        Haplotypes of the historical population.
    cm : ndarray of float64, shape (n_loci,)
        Ascending positions.
    length_cm : float
        Length of the chromosome.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of uint8, shape (n_animals, 2, n_loci)
        Paternal strand first.
    """
    haplotypes = np.empty((len(pedigree), 2, len(cm)), dtype=np.uint8)
    for start, stop in pedigree.generations():
        for strand, parent in enumerate((pedigree.sire, pedigree.dam)):
            rows = parent[start:stop]
            target = haplotypes[start:stop, strand]
            known = rows >= 0
            strangers = rng.integers(0, len(pool), int((~known).sum()))
            target[known] = make_gametes(haplotypes, rows[known], cm, length_cm, rng)
            target[~known] = make_gametes(pool, strangers, cm, length_cm, rng)
    return haplotypes
