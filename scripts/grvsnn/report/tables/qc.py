"""Table of the quality of the genotypes: what each check found."""

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from grvsnn.base.labels import GAP
from grvsnn.report.tables.layout import Table, make_table, number

GROUPS = {
    "animal": "Animals",
    "marker": "Markers",
    "parent": "Parents",
    "trio": "Both parents",
}


def qc_table(
    checks: pd.DataFrame,
    animals: pd.DataFrame,
    markers: pd.DataFrame,
    read: Mapping = MappingProxyType({}),
) -> Table:
    """Lay out the checks of one dataset.

    Parameters
    ----------
    checks : DataFrame
        As `grvsnn.genotypes.checks.run_checks` returns them, with n_removed, the number
        that a filter took out before (missing where the filter is off).
    animals, markers : DataFrame
        As `grvsnn.genotypes.quality.Quality` describes them.
    read : mapping
        First step of the provenance, which says how many dosages had fractions.

    Returns
    -------
    Table
        Rows subject x check; what was flagged is bold.
    """
    place = checks["subject"].map(list(GROUPS).index)
    checks = checks.iloc[place.argsort(kind="stable")]
    rows = list(checks.itertuples())
    cells = [
        [
            row.limit or GAP,
            f"{row.n_tested:,}" if row.n_tested else "not tested",
            f"{row.n_flagged:,}" if row.n_tested else GAP,
            GAP if pd.isna(row.n_removed) else f"{row.n_removed:,}",
            row.cause,
        ]
        for row in rows
    ]
    return make_table(
        numbers=checks,
        rows=[(GROUPS[row.subject], row.label) for row in rows],
        headings=["Of", "Check"],
        columns=["Limit", "Tested", "Flagged", "Removed before", "Likely cause"],
        cells=cells,
        best=[[False, False, row.n_flagged > 0, False, False] for row in rows],
        note=f"{_note(animals, markers)} {_rounding_note(read)}",
    )


def _note(animals: pd.DataFrame, markers: pd.DataFrame) -> str:
    return (
        f"{len(animals):,} animals, {len(markers):,} markers; mean call rate "
        f"{number(animals['call_rate'].mean(), 4)}, mean heterozygosity "
        f"{number(animals['heterozygosity'].mean())}, median minor allele frequency "
        f"{number(markers['maf'].median())}. Flagged: among the genotypes that the "
        "methods get. Removed before: by the filters of the config's qc, drop; of "
        "parents, links of the pedigree. Not tested: needs a genotyped parent and its "
        "offspring, or batches."
    )


def _rounding_note(read: Mapping) -> str:
    n_rounded = read.get("fractional_dosages_rounded", 0)
    if not n_rounded:
        return ""
    return (
        f"{n_rounded:,} of the dosages read had fractions, "
        f"{number(read['mean_rounding_error'])} on average; checks see them rounded."
    )


def quality_of_genotypes(
    checks: pd.DataFrame,
    animals: pd.DataFrame,
    markers: pd.DataFrame,
    provenance: Mapping,
) -> Table:
    """`qc_table`, with what was read as the dataset's provenance has it."""
    return qc_table(checks, animals, markers, provenance["steps"][0])
