"""Standardised features as the network reads them: dosages by level, loadings dense."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from grvsnn.base.errors import InputError
from grvsnn.protocol.fold_task import column_moments, reciprocal

N_LEVELS = 3


@dataclass(frozen=True, eq=False)
class Inputs:
    """Features of N animals; hard-call dosages stay int8.

    Parameters
    ----------
    genotypes : Tensor of int8, shape (N, M)
        Dosages 0, 1, 2 of M markers.
    levels : Tensor of float, shape (3, M)
        Standardised value of dosage 0, 1 and 2 of each marker.
    dense : Tensor of float, shape (N, K)
        Standardised fractional dosages or loadings.
    n_loadings : int
        How many of the last dense features are loadings.
    """

    genotypes: torch.Tensor
    levels: torch.Tensor
    dense: torch.Tensor
    n_loadings: int = 0

    @property
    def n_samples(self) -> int:
        """Number of animals, N."""
        return self.genotypes.shape[0]

    @property
    def n_markers(self) -> int:
        """Number of hard-call markers, M."""
        return self.genotypes.shape[1]

    @property
    def n_features(self) -> int:
        """Markers and dense features together, P = M + K."""
        return self.genotypes.shape[1] + self.dense.shape[1]

    def take(self, rows: torch.Tensor | slice) -> "Inputs":
        """Return the given animals only."""
        if isinstance(rows, slice):
            genotypes, dense = self.genotypes[rows], self.dense[rows]
        else:
            rows = rows.to(self.genotypes.device)
            genotypes = self.genotypes.index_select(0, rows)
            dense = self.dense.index_select(0, rows)
        return replace(self, genotypes=genotypes, dense=dense)

    def standardised(self) -> torch.Tensor:
        """Return all features as floats, shape (N, P), markers first."""
        markers = look_up(self.levels, self.genotypes)
        return torch.cat([markers, self.dense], dim=1)

    def as_dense(self) -> "Inputs":
        """Hold the markers as floats among the dense features, standardised once."""
        return replace(
            self,
            genotypes=self.genotypes[:, :0],
            levels=self.levels[:, :0],
            dense=self.standardised(),
        )

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None):
        """Return a copy on a device, the float parts in `dtype`."""
        return replace(
            self,
            genotypes=self.genotypes.to(device),
            levels=self.levels.to(device, dtype),
            dense=self.dense.to(device, dtype),
        )


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Moments of the training rows that turn raw features into `Inputs`.

    Parameters
    ----------
    levels : ndarray of float64, shape (3, M)
        (k - mean) / sd of each marker for dosage k = 0, 1, 2; 0 where sd is 0.
    mean, scale : ndarray of float64, shape (K,)
        Mean and reciprocal sd of the dense features, of loadings that of all of them
        together where asked for; scale 0 where sd is 0.
    lowest, highest : ndarray of float64, shape (K,)
        Range of the standardised dense features over the training rows. Values beyond
        are set to its ends: nothing was learned out there, and a loading of a family
        that training animals hold little of may lie many standard deviations off.
    """

    levels: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray

    @classmethod
    def fit(
        cls,
        genotypes: np.ndarray,
        dense: np.ndarray,
        rows: np.ndarray,
        n_together: int = 0,
    ) -> "Standardiser":
        """Take the moments over `rows` of dosages (N, M) and dense features (N, K).

        The last `n_together` dense features, loadings, share the root mean square of
        their standard deviations: an eigenvector's weight in the pedigree is its
        loadings' spread, which a standard deviation of its own would take away.
        """
        mean, sd = column_moments(genotypes, rows)
        levels = (np.arange(N_LEVELS)[:, None] - mean) * reciprocal(sd)
        dense_mean, dense_sd = column_moments(dense, rows)
        together = dense_sd[len(dense_sd) - n_together :]
        if together.any():
            common = np.sqrt(np.mean(together[together > 0] ** 2))
            together[together > 0] = common
        scale = reciprocal(dense_sd)
        seen = (np.asarray(dense[rows], dtype=float) - dense_mean) * scale
        return cls(levels, dense_mean, scale, seen.min(axis=0), seen.max(axis=0))

    def apply(
        self,
        genotypes: np.ndarray,
        dense: np.ndarray,
        dtype: torch.dtype = torch.float32,
    ) -> Inputs:
        """Standardise raw dosages (N, M) and dense features (N, K)."""
        check_dosages(genotypes)
        dense = (np.asarray(dense, dtype=float) - self.mean) * self.scale
        dense = np.clip(dense, self.lowest, self.highest)
        return Inputs(
            torch.from_numpy(np.require(genotypes, requirements=["C", "W"])),
            torch.from_numpy(self.levels).to(dtype),
            torch.from_numpy(dense).to(dtype),
        )


def check_dosages(genotypes: np.ndarray) -> None:
    """Raise InputError unless `genotypes` is int8 with values 0, 1 and 2 only."""
    if genotypes.dtype != np.int8:
        raise InputError(f"genotypes must be int8 dosages, got {genotypes.dtype}")
    if genotypes.size and not (0 <= genotypes.min() and genotypes.max() < N_LEVELS):
        raise InputError(
            "genotypes must be dosages 0, 1 or 2 without gaps, got values from "
            f"{genotypes.min()} to {genotypes.max()}; impute missing calls first"
        )


def look_up(table: torch.Tensor, genotypes: torch.Tensor) -> torch.Tensor:
    """Pick each marker's value by dosage from a table, shape (3, M) -> (N, M).

    Written as a + b x + c [x = 1], whose gradient is three column sums and needs no
    scatter.
    """
    additive, slope, dominance = additive_dominance(table)
    dosage = genotypes.to(table.dtype)
    heterozygous = (genotypes == 1).to(table.dtype)
    return torch.addcmul(additive + slope * dosage, dominance, heterozygous)


def additive_dominance(
    table: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Write a table of values at dosage 0, 1, 2 as a + b x + c [x = 1].

    Parameters
    ----------
    table : Tensor, shape (3, M)

    Returns
    -------
    a, b, c : Tensor, shape (M,)
        Value of the first homozygote, half the difference of the homozygotes, and the
        heterozygote's departure from their mean.
    """
    slope = (table[2] - table[0]) / 2
    return table[0], slope, table[1] - table[0] - slope
