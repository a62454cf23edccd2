"""Alleles counted the other way round: of an animal, or of a marker in one batch."""

import numpy as np
import pandas as pd

from grvsnn.genotypes.counts import count_genotypes, robust_sd

MIRRORED = -0.5
"""Allele score below which an animal's alleles count as mirrored: 1 is its population's
own coding, -1 its mirror image."""
TELLING = 0.5
"""Largest spread of the scores at which they tell one coding from the other."""
ROUNDS = 20
MIN_BATCH = 20
AMBIGUOUS = ({"A", "T"}, {"C", "G"})


def allele_scores(dosages: np.ndarray) -> np.ndarray:
    """Agreement of each animal's alleles with the population's frequencies.

    With x = dosage - 1 and m = 2 p - 1 the score is x'm / m'm: about 1 for an animal
    of the population, about -1 if its other allele was counted throughout. Mirrored
    animals are turned round before the frequencies are estimated again, so that a
    batch of fewer than half the animals does not hide itself.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing.

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        NaN throughout where frequencies are all so near 1/2 (as in a cross of two
        lines) that the scores cannot tell.
    """
    called = dosages >= 0
    x = np.where(called, dosages - 1, 0).astype(np.float32)
    called = called.astype(np.float32)
    n_called = np.maximum(called.sum(axis=0), 1)
    way = np.ones(len(x), np.float32)
    for _ in range(ROUNDS):
        profile = (way @ x) / n_called
        # over the markers that an animal has
        length = called @ profile**2
        scores = np.divide(x @ profile, length, out=np.zeros(len(x)), where=length > 0)
        turned = np.where(scores < 0, -1, 1).astype(np.float32)
        if (turned == way).all():
            break
        way = turned
    size = np.abs(scores)
    tells = robust_sd(size) < TELLING * np.median(size)
    return scores if tells else np.full(len(x), np.nan)


def mirrored_in_batch(
    dosages: np.ndarray, batches: np.ndarray, min_z: float
) -> pd.DataFrame:
    """Markers whose alleles one batch of animals counts the other way round.

    A batch's allele frequency is compared with the other animals', as it is (z) and
    mirrored. Families and selection make batches differ at every marker; so z is
    divided by its robust spread over the markers where that is above 1. A marker counts
    as mirrored if abs(z) is above the limit and the mirrored frequency differs less
    than half as much. The frequency of a marker near 1/2 does not tell.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Negative = missing.
    batches : ndarray of str, shape (n_samples,)
        Batches of fewer than 20 animals, or of more than half, are not tested.
    min_z : float
        Limit of abs(z).

    Returns
    -------
    DataFrame
        marker (column number), batch, frequency (in the batch), others (frequency in
        the others), z.
    """
    columns = ["marker", "batch", "frequency", "others", "z"]
    tables = [pd.DataFrame(columns=columns)]
    for batch in np.unique(batches):
        inside = batches == batch
        if not MIN_BATCH <= inside.sum() <= len(batches) / 2:
            continue
        mine, others = (count_genotypes(dosages[part])[0] for part in (inside, ~inside))
        p, r = mine.frequency, others.frequency
        per_allele = 1 / np.maximum(mine.called, 1) + 1 / np.maximum(others.called, 1)
        z = _deviation(p, r, per_allele)
        scale = max(np.nanmedian(np.abs(z)) / 0.6745, 1) if (z == z).any() else 1
        z, z_mirrored = z / scale, _deviation(p, 1 - r, per_allele) / scale
        found = (np.abs(z) > min_z) & (np.abs(z_mirrored) < np.abs(z) / 2)
        table = {"marker": np.flatnonzero(found), "batch": batch}
        table |= {"frequency": p[found], "others": r[found], "z": z[found]}
        tables.append(pd.DataFrame(table))
    # an empty table would decide the types of the others' columns
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _deviation(p: np.ndarray, r: np.ndarray, per_allele: np.ndarray) -> np.ndarray:
    """Difference of two frequencies in standard errors; NaN where both are fixed."""
    mean = (p + r) / 2
    error = np.sqrt(mean * (1 - mean) / 2 * per_allele)
    return np.divide(p - r, error, out=np.full(len(p), np.nan), where=error > 0)


def is_ambiguous(marker_map: pd.DataFrame) -> np.ndarray:
    """Whether a marker's alleles are A and T or C and G, so that they hide the strand.

    Parameters
    ----------
    marker_map : DataFrame
        With columns a1 and a2.

    Returns
    -------
    ndarray of bool, shape (n_markers,)
    """
    alleles = zip(marker_map["a1"], marker_map["a2"], strict=True)
    return np.array([{a.upper(), b.upper()} in AMBIGUOUS for a, b in alleles], bool)
