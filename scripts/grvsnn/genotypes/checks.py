"""The checks of a dataset's genotypes: what each flags, by which limit, and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from grvsnn.genotypes.counts import robust_sd
from grvsnn.genotypes.duplicates import group_twins
from grvsnn.genotypes.mirrored_alleles import MIRRORED, is_ambiguous, mirrored_in_batch
from grvsnn.genotypes.quality import Quality

FLAG_COLUMNS = ("name", "other", "detail", "value")
MIN_MARKER_CONFLICTS = 2
"""One conflict of a marker is chance; a share of few families says nothing."""


@dataclass(frozen=True)
class Limits:
    """Where suspicion begins; names and defaults are the config's.

    Parameters
    ----------
    min_call_rate_marker, min_call_rate_sample : float
        Smallest share of calls.
    max_heterozygosity_sd : float
        Largest distance of an animal's heterozygosity from the median, in robust
        standard deviations (1.4826 median absolute deviations).
    duplicate_concordance : float
        Share of identical calls from which two animals count as the same.
    max_mendel_pair, max_mendel_trio : float
        Largest share of impossible genotypes with one parent and with both.
    max_mendel_marker : float
        Largest share of families in which a marker is impossible.
    min_batch_z : float
        Smallest difference of a mirrored marker's frequencies between batches, in
        standard errors.
    min_maf : float
        Smallest minor allele frequency.
    min_hwe_p : float
        Smallest p value of Hardy-Weinberg proportions.
    """

    min_call_rate_marker: float = 0.9
    min_call_rate_sample: float = 0.9
    max_heterozygosity_sd: float = 5.0
    duplicate_concordance: float = 0.99
    max_mendel_pair: float = 0.01
    max_mendel_trio: float = 0.02
    max_mendel_marker: float = 0.05
    min_batch_z: float = 5.0
    min_maf: float = 0.01
    min_hwe_p: float = 1e-10

    @classmethod
    def from_mapping(cls, settings: Mapping) -> "Limits":
        """Take the limits from the config's section ``qc``."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: settings[name] for name in known & set(settings)})


@dataclass(frozen=True, eq=False)
class Check:
    """One check.

    Parameters
    ----------
    name : str
        Its key in the config's ``drop``.
    subject : {"animal", "marker", "parent", "trio"}
        What it flags.
    label : str
        What is flagged.
    cause : str
        What is likely behind it.
    find : callable
        (Quality, Limits) -> flags with the columns `FLAG_COLUMNS` (the animal or
        marker, the other one of a pair, a note, the value compared with the limit), and
        how many were tested.
    limit : str
        Format of the limit, e.g. ``< {min_maf:g}``.
    """

    name: str
    subject: str
    label: str
    cause: str
    find: Callable[[Quality, Limits], tuple[pd.DataFrame, int]]
    limit: str = ""


def flags(
    name: np.ndarray, value: object, other: object = "", detail: object = ""
) -> pd.DataFrame:
    """Table of flagged animals, markers or families."""
    values = {"name": name, "other": other, "detail": detail, "value": value}
    return pd.DataFrame(values, columns=FLAG_COLUMNS)


def _of_markers(quality: Quality, bad: np.ndarray, value: np.ndarray) -> pd.DataFrame:
    return flags(quality.marker_map["snp"].to_numpy(str)[bad], value[bad])


def _of_animals(quality: Quality, bad: np.ndarray, value: np.ndarray) -> pd.DataFrame:
    return flags(quality.sample_ids[bad], value[bad])


def find_marker_call_rate(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers with few calls."""
    rate = q.by_marker.call_rate
    return _of_markers(q, rate < limits.min_call_rate_marker, rate), len(rate)


def find_sample_call_rate(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Animals with few calls."""
    rate = q.by_animal.call_rate
    return _of_animals(q, rate < limits.min_call_rate_sample, rate), len(rate)


def heterozygosity_range(
    heterozygosity: np.ndarray, n_sd: float
) -> tuple[float, float]:
    """Median minus and plus `n_sd` robust standard deviations; NaN values are left out.

    Everything lies inside where more than half the animals have one value.
    """
    middle, sd = np.nanmedian(heterozygosity), robust_sd(heterozygosity)
    return (middle - n_sd * sd, middle + n_sd * sd) if sd > 0 else (-np.inf, np.inf)


def find_heterozygosity(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Animals whose heterozygosity is far from the median."""
    share = q.by_animal.heterozygosity
    low, high = heterozygosity_range(share, limits.max_heterozygosity_sd)
    found = _of_animals(q, (share < low) | (share > high), share)
    found["detail"] = np.where(found["value"] < low, "low", "high")
    return found, int((share == share).sum())


def find_mirrored_samples(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Animals whose other allele was counted."""
    scores = q.allele_scores
    tested = int((scores == scores).sum())
    return _of_animals(q, scores < MIRRORED, scores), tested


def find_duplicate_samples(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Animals that repeat another; the one with the most calls stands for its group."""
    pairs, n_samples = q.twins, len(q.sample_ids)
    if pairs.empty:
        return flags(np.array([], str), 0.0), n_samples
    group = group_twins(pairs, n_samples)
    # the first animal of equals by name, whatever the order of the rows
    order = np.lexsort((q.sample_ids, -q.by_animal.called))
    kept = pd.Series(order, group[order]).groupby(level=0).first()
    keeper = kept.loc[group].to_numpy()
    both = pd.concat(
        [pairs, pairs.rename(columns={"first": "second", "second": "first"})]
    )
    best = both.groupby("first")["concordance"].max()
    rows = np.array([row for row in best.index if keeper[row] != row], int)
    return flags(
        q.sample_ids[rows], best.loc[rows].to_numpy(), q.sample_ids[keeper[rows]]
    ), n_samples


def find_mendel_pairs(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Parents on record that their offspring's genotypes exclude."""
    bad = q.pairs[q.pairs["rate"] > limits.max_mendel_pair]
    found = flags(
        q.sample_ids[bad["offspring"]],
        bad["rate"].to_numpy(),
        q.sample_ids[bad["parent"]],
        bad["role"].to_numpy(),
    )
    return found, len(q.pairs)


def find_mendel_trios(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Pairs of recorded parents that their offspring's genotypes exclude."""
    bad = q.trios[q.trios["rate"] > limits.max_mendel_trio]
    names = [q.sample_ids[bad[role]] for role in ("sire", "dam")]
    both = [" x ".join(parents) for parents in zip(*names, strict=True)]
    rate = bad["rate"].to_numpy()
    return flags(q.sample_ids[bad["offspring"]], rate, both), len(q.trios)


def find_mendel_markers(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers that are impossible in many families."""
    conflicts, tested = q.marker_conflicts(limits.max_mendel_pair)
    rate = conflicts / np.maximum(tested, 1)
    bad = (rate > limits.max_mendel_marker) & (conflicts >= MIN_MARKER_CONFLICTS)
    return _of_markers(q, bad, rate), int((tested > 0).sum())


def find_mirrored_markers(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers whose alleles one batch counts the other way round."""
    if q.batches is None:
        return flags(np.array([], str), 0.0), 0
    found = mirrored_in_batch(q.dosages, q.batches, limits.min_batch_z)
    names = q.marker_map["snp"].to_numpy(str)
    markers = names[found["marker"].to_numpy(int)]
    table = flags(markers, found["z"].to_numpy(float), detail=found["batch"].to_numpy())
    return table, len(names)


def find_monomorphic(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers with one allele, or without calls."""
    maf = q.by_marker.maf
    return _of_markers(q, ~(maf > 0), maf), len(maf)


def find_rare(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Polymorphic markers with a rare allele."""
    maf = q.by_marker.maf
    bad = (maf > 0) & (maf < limits.min_maf)
    return _of_markers(q, bad, maf), int((maf > 0).sum())


def find_hwe(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers far from Hardy-Weinberg proportions."""
    p, counts = q.hwe_p, q.by_marker
    found = _of_markers(q, p < limits.min_hwe_p, p)
    expected = 2 * counts.frequency * (1 - counts.frequency)
    excess = (counts.heterozygosity > expected)[p < limits.min_hwe_p]
    found["detail"] = np.where(excess, "too many heterozygotes", "too few")
    return found, int(((p == p) & (counts.maf > 0)).sum())


def find_ambiguous(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers whose alleles are each other's complement."""
    bad = is_ambiguous(q.marker_map)
    found = _of_markers(q, bad, q.by_marker.maf)
    alleles = q.marker_map["a1"] + "/" + q.marker_map["a2"]
    found["detail"] = alleles.to_numpy(str)[bad]
    return found, len(bad)


def find_duplicate_markers(q: Quality, limits: Limits) -> tuple[pd.DataFrame, int]:
    """Markers with exactly the calls of an earlier one."""
    twins, names = q.twin_markers, q.marker_map["snp"].to_numpy(str)
    detail = np.where(twins["mirrored"], "alleles the other way round", "")
    found = flags(names[twins["marker"]], 1.0, names[twins["twin"]], detail)
    return found, int((q.by_marker.maf > 0).sum())


# in the order in which filters act: what spoils the later ones goes first
CHECKS = (
    Check(
        "marker_call_rate",
        "marker",
        "Few calls",
        "assay failed",
        find_marker_call_rate,
        "< {min_call_rate_marker:g}",
    ),
    Check(
        "sample_call_rate",
        "animal",
        "Few calls",
        "poor DNA sample",
        find_sample_call_rate,
        "< {min_call_rate_sample:g}",
    ),
    Check(
        "heterozygosity",
        "animal",
        "Heterozygosity far off",
        "mixed samples; inbred; another population",
        find_heterozygosity,
        "> {max_heterozygosity_sd:g} SD",
    ),
    Check(
        "mirrored_samples",
        "animal",
        "Alleles mirrored",
        "other allele counted throughout",
        find_mirrored_samples,
        f"score < {MIRRORED:g}",
    ),
    Check(
        "duplicate_samples",
        "animal",
        "Repeats another animal",
        "genotyped twice; label swapped; clone",
        find_duplicate_samples,
        "≥ {duplicate_concordance:g} alike",
    ),
    Check(
        "mendel_pairs",
        "parent",
        "Parent excluded",
        "wrong pedigree entry; label swapped",
        find_mendel_pairs,
        "> {max_mendel_pair:g}",
    ),
    Check(
        "mendel_trios",
        "trio",
        "Parents excluded together",
        "one of the two is wrong",
        find_mendel_trios,
        "> {max_mendel_trio:g}",
    ),
    Check(
        "mendel_markers",
        "marker",
        "Mendelian conflicts",
        "calling errors; alleles mirrored in a batch",
        find_mendel_markers,
        "> {max_mendel_marker:g}",
    ),
    Check(
        "mirrored_markers",
        "marker",
        "Alleles mirrored in a batch",
        "strand or counted allele differs",
        find_mirrored_markers,
        "|z| > {min_batch_z:g}",
    ),
    Check(
        "monomorphic",
        "marker",
        "Monomorphic",
        "carries no information here",
        find_monomorphic,
    ),
    Check(
        "maf",
        "marker",
        "Rare allele",
        "effect rests on few animals",
        find_rare,
        "< {min_maf:g}",
    ),
    Check(
        "hwe",
        "marker",
        "Not in Hardy-Weinberg proportions",
        "families, selection; calling errors",
        find_hwe,
        "p < {min_hwe_p:g}",
    ),
    Check(
        "ambiguous",
        "marker",
        "A/T or C/G",
        "alleles do not tell the strand",
        find_ambiguous,
    ),
    Check(
        "duplicate_markers",
        "marker",
        "Repeats another marker",
        "one locus assayed twice; complete linkage",
        find_duplicate_markers,
        "identical",
    ),
)


def run_checks(quality: Quality, limits: Limits) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run every check.

    Parameters
    ----------
    quality : Quality
        The dataset.
    limits : Limits
        Where suspicion begins.

    Returns
    -------
    summary : DataFrame
        One row a check: check, subject, label, limit, n_tested, n_flagged, cause.
    flagged : DataFrame
        One row a flag: check, subject, label and the columns `FLAG_COLUMNS`.
    """
    rows, tables = [], []
    for check in CHECKS:
        found, n_tested = check.find(quality, limits)
        facts = {"check": check.name, "subject": check.subject, "label": check.label}
        limit = check.limit.format(**vars(limits))
        counts = {"limit": limit, "n_tested": n_tested, "n_flagged": len(found)}
        rows.append({**facts, **counts, "cause": check.cause})
        tables.append(found.assign(**facts))
    flagged = pd.concat(tables, ignore_index=True)
    return pd.DataFrame(rows), flagged[["check", "subject", "label", *FLAG_COLUMNS]]
