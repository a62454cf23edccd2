"""A dataset's genotypes, pedigree and batches, and what the checks compute of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from grvsnn.base.seeds import derive_rng
from grvsnn.genotypes.counts import GenotypeCounts, count_genotypes, hardy_weinberg_p
from grvsnn.genotypes.duplicates import SCREENED, find_twin_markers, find_twins
from grvsnn.genotypes.mendel import (
    Conflicts,
    count_conflicts,
    genotyped_families,
    parent_pairs,
    random_pairs,
)
from grvsnn.genotypes.mirrored_alleles import allele_scores
from grvsnn.pedigree.pedigree import Pedigree

N_RANDOM = 1000
SEX_CHROMOSOMES = {"X", "Y", "XY", "MT", "M", "Z", "W"}


@dataclass(frozen=True, eq=False)
class Quality:
    """What the checks of one dataset read; each quantity is computed once, when asked.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Copies of a1; negative = missing.
    sample_ids : ndarray of str, shape (n_samples,)
    marker_map : DataFrame
        chromosome, snp, cm, position, a1, a2.
    pedigree : Pedigree or None
    batches : ndarray of str, shape (n_samples,), or None
        Batch in which each animal was genotyped.
    min_concordance : float
        Share of identical calls from which two animals count as the same.
    """

    dosages: np.ndarray
    sample_ids: np.ndarray
    marker_map: pd.DataFrame
    pedigree: Pedigree | None = None
    batches: np.ndarray | None = None
    min_concordance: float = 1.0

    @cached_property
    def _counts(self) -> tuple[GenotypeCounts, GenotypeCounts]:
        return count_genotypes(self.dosages)

    @property
    def by_marker(self) -> GenotypeCounts:
        """Calls of every marker."""
        return self._counts[0]

    @property
    def by_animal(self) -> GenotypeCounts:
        """Calls of every animal."""
        return self._counts[1]

    @cached_property
    def hwe_p(self) -> np.ndarray:
        """Exact p value of Hardy-Weinberg proportions, NaN on sex chromosomes."""
        p = hardy_weinberg_p(self.by_marker.calls)
        return np.where(self.is_autosomal, p, np.nan)

    @cached_property
    def is_autosomal(self) -> np.ndarray:
        """Markers not on a chromosome named X, Y, Z, W or MT, shape (n_markers,)."""
        names = self.marker_map["chromosome"].astype(str).str.upper()
        return ~names.str.removeprefix("CHR").isin(SEX_CHROMOSOMES).to_numpy()

    @cached_property
    def _informative(self) -> np.ndarray:
        """Dosages of the markers with both alleles."""
        both = self.by_marker.maf > 0
        return self.dosages if both.all() else self.dosages[:, both]

    @cached_property
    def _twins(self) -> tuple[pd.DataFrame, np.ndarray]:
        rng = derive_rng("qc", "markers of the first look")
        return find_twins(self._informative, self.min_concordance, rng)

    @property
    def twins(self) -> pd.DataFrame:
        """Pairs of animals that are nearly identical: first, second, concordance."""
        return self._twins[0]

    @property
    def nearest(self) -> np.ndarray:
        """Largest concordance of each animal with another, on at most 2,000 markers."""
        return self._twins[1]

    @cached_property
    def twin_markers(self) -> pd.DataFrame:
        """Markers with the calls of an earlier one: marker, twin, mirrored."""
        return find_twin_markers(self.dosages)

    @cached_property
    def allele_scores(self) -> np.ndarray:
        """Agreement of each animal's alleles with the population's, shape (n,)."""
        n_markers = self._informative.shape[1]
        rng = derive_rng("qc", "markers of the allele scores")
        columns = rng.choice(n_markers, min(n_markers, SCREENED), replace=False)
        return allele_scores(self._informative[:, np.sort(columns)])

    @cached_property
    def families(self) -> pd.DataFrame:
        """Animals with a genotyped parent: rows of offspring, sire, dam (or -1)."""
        if self.pedigree is None:
            return pd.DataFrame({"offspring": [], "sire": [], "dam": []}, dtype=int)
        return genotyped_families(self.pedigree, self.sample_ids)

    @cached_property
    def autosomes(self) -> np.ndarray:
        """Dosages of the autosomal markers."""
        kept = self.is_autosomal
        return self.dosages if kept.all() else self.dosages[:, kept]

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Offspring and one parent: offspring, role, parent, n_tested, n_conflicts."""
        pairs = parent_pairs(self.families)
        found = count_conflicts(self.autosomes, pairs["offspring"], pairs["parent"])
        return _with_counts(pairs, found)

    @cached_property
    def trios(self) -> pd.DataFrame:
        """Offspring and both parents: offspring, sire, dam, n_tested, n_conflicts."""
        both = (self.families["sire"] >= 0) & (self.families["dam"] >= 0)
        trios = self.families[both].reset_index(drop=True)
        members = (trios[name] for name in ("offspring", "sire", "dam"))
        return _with_counts(trios, count_conflicts(self.autosomes, *members))

    def marker_conflicts(self, max_pair: float) -> tuple[np.ndarray, np.ndarray]:
        """Conflicts of each marker in families whose parents are not doubted.

        Trios count where both parents fit, pairs otherwise; a pair fits if its rate is
        at most `max_pair`.

        Returns
        -------
        conflicts, tested : ndarray of int64, shape (n_markers,)
            Families; 0 on sex chromosomes.
        """
        fitting = self.families.set_index("offspring")
        for role, part in self.pairs[self.pairs["rate"] > max_pair].groupby("role"):
            fitting.loc[part["offspring"], role] = -1
        known = fitting.to_numpy() >= 0
        trios, alone = fitting[known.all(axis=1)], fitting[known.sum(axis=1) == 1]
        conflicts = np.zeros(len(self.marker_map), np.int64)
        tested = np.zeros_like(conflicts)
        for table, parents in (
            (trios, [trios["sire"], trios["dam"]]),
            (alone, [alone.max(axis=1)]),
        ):
            found = count_conflicts(self.autosomes, table.index, *parents)
            conflicts[self.is_autosomal] += found.marker_conflicts
            tested[self.is_autosomal] += found.marker_tested
        return conflicts, tested

    def animal_frame(self) -> pd.DataFrame:
        """One row an animal: sample_id and what the checks measured of it."""
        return pd.DataFrame(
            {
                "sample_id": self.sample_ids,
                "call_rate": self.by_animal.call_rate,
                "heterozygosity": self.by_animal.heterozygosity,
                "nearest": self.nearest,
                "allele_score": self.allele_scores,
            }
        )

    def marker_frame(self) -> pd.DataFrame:
        """One row a marker: its place and what the checks measured of it."""
        return self.marker_map[["chromosome", "snp", "position"]].assign(
            is_autosomal=self.is_autosomal,
            call_rate=self.by_marker.call_rate,
            frequency=self.by_marker.frequency,
            maf=self.by_marker.maf,
            heterozygosity=self.by_marker.heterozygosity,
            hwe_p=self.hwe_p,
        )

    def pair_frame(self) -> pd.DataFrame:
        """Table recorded parents with offspring, and random pairs to hold them against.

        Returns
        -------
        DataFrame
            kind (recorded or random), offspring, parent (ids), role, n_tested,
            n_conflicts, rate.
        """
        rng = derive_rng("qc", "random pairs")
        strangers = random_pairs(self.families, len(self.sample_ids), N_RANDOM, rng)
        members = (strangers["offspring"], strangers["parent"])
        found = count_conflicts(self.autosomes, *members)
        tables = {"recorded": self.pairs, "random": _with_counts(strangers, found)}
        both = pd.concat(tables, names=["kind"]).reset_index("kind")
        for name in ("offspring", "parent"):
            both[name] = self.sample_ids[both[name].to_numpy(int)]
        columns = ["kind", "offspring", "parent", "role"]
        return both[[*columns, "n_tested", "n_conflicts", "rate"]]


def _with_counts(families: pd.DataFrame, found: Conflicts) -> pd.DataFrame:
    return families.assign(
        n_tested=found.tested, n_conflicts=found.conflicts, rate=found.rate
    )
