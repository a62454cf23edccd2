"""Table of what the published protocol adds to a method's accuracy, and by what."""

from collections.abc import Mapping

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    method_label,
    methods_in,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.base.names import base_method
from grvsnn.report.tables.layout import Table, make_table, mean_sd, with_interval
from grvsnn.report.tables.summary import runs_note
from grvsnn.scoring.optimism import (
    CELLS,
    CONTRASTS,
    compare_cells,
    fitted_shares,
    optimism_scores,
)

HONEST, LEAKY = "r, nested", "r, tuned and stopped on test animals (optimistic)"


def optimism_table(by_cell: pd.DataFrame, shares: Mapping[bool, int]) -> Table:
    """Training size and leakage, apart.

    Parameters
    ----------
    by_cell : DataFrame
        From `grvsnn.scoring.optimism.optimism_scores`.
    shares : mapping of bool to int
        From `grvsnn.scoring.optimism.fitted_shares`.

    Returns
    -------
    Table
        Rows trait x data x model; columns: r of the four cells, then the differences by
        training size and by leakage with their intervals. The numbers also hold the
        MSE.
    """
    numbers = compare_cells(by_cell)
    r = numbers[numbers["metric"] == "r"].set_index(["trait", "setting", "method"])
    rows = [
        (trait, setting, method)
        for trait in traits_in(by_cell)
        for setting in settings_in(by_cell)
        for method in methods_in(by_cell)
        if (trait, setting, method) in r.index
    ]
    part, whole = (f"{shares[size]} % fitted" for size in (False, True))
    differences = ("training size", f"leakage, {part}", f"leakage, {whole}")
    return make_table(
        numbers=numbers,
        rows=[
            (trait_label(trait), setting_label(setting, short=True), method_label(m))
            for trait, setting, m in rows
        ],
        headings=["Trait", "Data", "Model"],
        columns=[
            *((span, leaf) for span in (HONEST, LEAKY) for leaf in (part, whole)),
            *(("Difference of r [95 %]", leaf) for leaf in differences),
        ],
        cells=[_cells(r.loc[place]) for place in rows],
        note=f"{_note(by_cell, shares)} {runs_note(by_cell)}",
    )


def _cells(row: pd.Series) -> list[str]:
    return [
        *(mean_sd(row[f"{cell}_mean"], row[f"{cell}_sd"]) for cell in CELLS),
        *(
            with_interval(*row[[name, f"{name}_lower", f"{name}_upper"]])
            if pd.notna(row[name])
            else GAP
            for name in CONTRASTS
        ),
    ]


def _note(by_cell: pd.DataFrame, shares: Mapping[bool, int]) -> str:
    part, whole = f"{shares[False]} %", f"{shares[True]} %"
    text = (
        f"{part} of the animals are those that an inner split fits, {whole} are all "
        "training animals. Nested: tuned and stopped on inner validation rows; with "
        f"{whole} the network or path is then fitted again to all training animals, "
        "for the number of epochs found. Optimistic: as many animals fitted, but tuned "
        "and stopped on the test animals, features standardised and phenotypes "
        f"adjusted and scaled by all animals; with {whole} this is the protocol of the "
        "paper's released code. Leakage: optimistic − nested with as many animals "
        "fitted, no accuracy that a new animal would have. Training size: "
        f"{whole} − {part}, nested, which the published protocol gains as well. –: a "
        "method has no such fit, or constant predictions without r. All are scored "
        "with the same test phenotypes in the same unit: adjusted and scaled by the "
        f"training animals. {_own_fits(by_cell, shares)} Differences are over paired "
        "runs (same folds and seeds), with the 95 % interval of the corrected "
        "resampled t-test."
    )
    if any(base_method(name) == "grvsnn_plus" for name in by_cell["method"]):
        text += (
            " GRVSNN+: the share is that of its trained part; its REML layers always "
            "have all training animals."
        )
    if "grvsnn-bottleneck" in set(by_cell["method"]):
        text += f" {method_label('grvsnn-bottleneck')}: the paper's released network."
    return text


def _own_fits(by_cell: pd.DataFrame, shares: Mapping[bool, int]) -> str:
    """Say which cell is the benchmark's own fit, of which methods."""
    own = by_cell[by_cell["own"]]
    parts = [
        f"{shares[cell == 'whole']} % for "
        + ", ".join(map(method_label, methods_in(own[own["cell"] == cell])))
        for cell in ("part", "whole")
        if (own["cell"] == cell).any()
    ]
    return f"The benchmark's own fits are the nested ones with {', '.join(parts)}."


def cells_table(
    scores: pd.DataFrame,
    companions: pd.DataFrame,
    folds: pd.DataFrame,
    variant_scores: pd.DataFrame | None = None,
) -> Table:
    """`optimism_table` of methods and variants, beside their companions."""
    own = scores if variant_scores is None else pd.concat([scores, variant_scores])
    return optimism_table(optimism_scores(own, companions), fitted_shares(folds))
