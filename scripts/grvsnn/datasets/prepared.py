"""What every prepare step hands on, and how it is written."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.base.files import atomic_path, write_json, write_parquet
from grvsnn.genotypes.plink import write_genotypes

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class PreparedDataset:
    """A cleaned dataset: the same contract whatever the raw format.

    Parameters
    ----------
    dosages : ndarray of int8, shape (n_samples, n_markers)
        Copies of a1; negative = missing call.
    marker_map : DataFrame
        chromosome, snp, cm, position, a1, a2.
    phenotypes : DataFrame
        sample_id and one float column per trait, raw units, NaN = missing; its rows
        are the rows of `dosages`.
    covariates : DataFrame
        sample_id and fixed effects, if any.
    pedigree : DataFrame or None
        id, sire, dam of ALL animals, "0" = unknown.
    relationship : tuple of (ndarray, ndarray) or None
        (ids, A), where A itself is given.
    environment : DataFrame, optional
        sample_id and, for each common environment (pen, cage, litter), the class of
        every animal as text, None where it is not known.
    steps : list of dict
        Counts before and after each cleaning step.
    """

    dosages: np.ndarray
    marker_map: pd.DataFrame
    phenotypes: pd.DataFrame
    covariates: pd.DataFrame
    pedigree: pd.DataFrame | None = None
    relationship: tuple[np.ndarray, np.ndarray] | None = None
    environment: pd.DataFrame | None = None
    steps: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.environment is None:
            self.environment = self.phenotypes[["sample_id"]]

    @property
    def sample_ids(self) -> np.ndarray:
        """Genotyped animals, in row order."""
        return self.phenotypes["sample_id"].to_numpy(str)

    def count(self, step: str) -> None:
        """Record how many animals and markers there are after a step."""
        n_samples, n_markers = self.dosages.shape
        self.steps.append(
            {"step": step, "n_samples": n_samples, "n_markers": n_markers}
        )
        logger.info("%s: %d animals, %d markers", step, n_samples, n_markers)

    def keep_samples(self, keep: np.ndarray, step: str) -> None:
        """Keep the rows marked True."""
        self.dosages = self.dosages[keep]
        self.phenotypes = self.phenotypes[keep].reset_index(drop=True)
        self.covariates = self.covariates[keep].reset_index(drop=True)
        self.environment = self.environment[keep].reset_index(drop=True)
        self.count(step)

    def keep_markers(self, keep: np.ndarray, step: str) -> None:
        """Keep the columns marked True."""
        self.dosages = np.ascontiguousarray(self.dosages[:, keep])
        self.marker_map = self.marker_map[keep].reset_index(drop=True)
        self.count(step)

    def keep_phenotyped(self) -> None:
        """Drop animals without a single observed trait."""
        observed = self.phenotypes.drop(columns="sample_id").notna()
        self.keep_samples(observed.any(axis=1).to_numpy(), "some trait observed")

    def keep_complete(self) -> None:
        """Keep animals with every trait observed, as the paper does for pigs."""
        observed = self.phenotypes.drop(columns="sample_id").notna()
        self.keep_samples(observed.all(axis=1).to_numpy(), "all traits observed")

    def check(self, source: str) -> None:
        """Refuse what no later stage could use.

        Raises
        ------
        InputError
            Duplicated ids, a trait without values, or no animals left.
        """
        ids = pd.Series(self.sample_ids)
        if ids.duplicated().any():
            raise InputError(
                f"{source}: duplicate animal {ids[ids.duplicated()].iloc[0]!r}"
            )
        if not len(ids):
            raise InputError(f"{source}: no animal has both genotypes and phenotypes")
        traits = self.phenotypes.drop(columns="sample_id")
        for trait in traits.columns[traits.nunique() < 2]:
            raise InputError(f"{source}: trait {trait!r} is constant or all missing")

    def write(self, folder: str | Path, sources: list[dict]) -> None:
        """Write the stage's files into `folder`; each appears whole or not at all."""
        folder = Path(folder)
        write_genotypes(
            self.dosages, self.sample_ids, self.marker_map, folder / "genotypes.bed"
        )
        write_parquet(self.phenotypes, folder / "phenotypes.parquet")
        write_parquet(self.covariates, folder / "covariates.parquet")
        write_parquet(self.environment, folder / "environment.parquet")
        if self.pedigree is not None:
            write_parquet(self.pedigree, folder / "pedigree.parquet")
        if self.relationship is not None:
            ids, A = self.relationship
            with atomic_path(folder / "relationship.npz") as scratch:
                np.savez_compressed(scratch, ids=ids, A=A)
        missing = {
            trait: int(self.phenotypes[trait].isna().sum())
            for trait in self.phenotypes.columns.drop("sample_id")
        }
        provenance = {
            "sources": sources,
            "steps": self.steps,
            "missing_phenotypes": missing,
            "missing_calls": int((self.dosages < 0).sum()),
        }
        write_json(provenance, folder / "provenance.json")


def select_columns(
    table: pd.DataFrame, wanted: dict[str, str] | list[str], source: str
) -> pd.DataFrame:
    """Pick columns by name (and rename them), or say which one is not there."""
    names = wanted if isinstance(wanted, dict) else {name: name for name in wanted}
    for column in names.values():
        if column not in table:
            raise InputError(
                f"{source} has no column {column!r}; it has {', '.join(table.columns)}"
            )
    return pd.DataFrame({new: table[old].to_numpy() for new, old in names.items()})
