"""Table of what GRVSNN+ came to: weights of its parts, variances of its kernels."""

from collections.abc import Iterable, Mapping
from itertools import product

import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.base.labels import (
    GAP,
    in_order,
    part_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.models.plus.stacking import REML_PART
from grvsnn.report.tables.layout import Table, make_table, mean_sd

KEYS = ["dataset", "setting", "method", "repeat"]
WEIGHT, SHARE = "weight", "variance share"
RESIDUAL = "residual"


def parts_frame(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Collect every fold's weights and variance shares.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files of grvsnn_plus.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, fold, trait, part, quantity (``weight`` of a
        stacked part, ``variance share`` of a kernel or the residual), value.

    Raises
    ------
    InputError
        A fit is of a version that did not name its parts.
    """
    fits = list(fits)
    for fit in fits:
        if any("parts" not in fold for fold in fit["folds"]):
            name = "/".join(str(fit[key]) for key in KEYS)
            raise InputError(
                f"{name}: fits.json is of a version that did not name the parts of "
                "GRVSNN+; delete it and fit again"
            )
    rows = [
        {name: fit[name] for name in KEYS}
        | {"fold": fold["fold"], "trait": trait}
        | {"part": part, "quantity": quantity, "value": value}
        for fit in fits
        for fold in fit["folds"]
        for trait, weights in zip(fold["traits"], fold["weights"], strict=True)
        for part, quantity, value in _parts(fold, trait, weights)
    ]
    columns = [*KEYS, "fold", "trait", "part", "quantity", "value"]
    return pd.DataFrame(rows, columns=columns)


def _parts(
    fold: Mapping, trait: str, weights: Iterable[float]
) -> list[tuple[str, str, float]]:
    """Stacked parts and kernels of one trait of a fold, in the order of the table."""
    first, *trained = [
        (part, WEIGHT, weight)
        for part, weight in zip(fold["parts"], weights, strict=True)
    ]
    shares = fold["layers"][trait]["shares"]
    kernels = [(name, SHARE, value) for name, value in shares.items()]
    return [first, *kernels, (RESIDUAL, SHARE, 1 - sum(shares.values())), *trained]


def parts_table(fits: Iterable[Mapping]) -> Table:
    """Mean weights and variance shares over the runs, and how often they were 0.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files of grvsnn_plus, of one dataset.

    Returns
    -------
    Table
        Rows trait x part, columns setting x (weight, variance share, runs at 0).
    """
    frame = parts_frame(fits)
    by = ["dataset", "setting", "method", "trait", "part", "quantity"]
    values = frame.groupby(by, sort=False)["value"]
    summary = values.agg(
        mean="mean", sd="std", n_zero=lambda v: int((v == 0).sum()), n_runs="size"
    ).reset_index()
    found = {(row.setting, row.trait, row.part): row for row in summary.itertuples()}
    settings = settings_in(frame)
    places = [
        (trait, part)
        for trait, part in product(traits_in(frame), _order(frame["part"]))
        if any((setting, trait, part) in found for setting in settings)
    ]
    cells = [
        [text for s in settings for text in _cells(found.get((s, trait, part)))]
        for trait, part in places
    ]
    leaves = ["Weight", "Variance share", "Runs at 0"]
    return make_table(
        numbers=summary,
        rows=[(trait_label(trait), part_label(part)) for trait, part in places],
        headings=["Trait", "Part"],
        columns=list(product([setting_label(setting) for setting in settings], leaves)),
        cells=cells,
        note=_note(int(summary["n_runs"].max()) if len(summary) else 0),
    )


def _order(parts: Iterable[str]) -> list[str]:
    """Kernels below the part that they make up, whichever setting has which."""
    return in_order(parts, [REML_PART, "markers", "loadings", "relatives", RESIDUAL])


def _cells(row: object) -> list[str]:
    if row is None:
        return [GAP] * 3
    text = mean_sd(row.mean, row.sd)
    zero = f"{row.n_zero} of {row.n_runs}"
    return [text, GAP, zero] if row.quantity == WEIGHT else [GAP, text, zero]


def _note(n_runs: int) -> str:
    return (
        f"Mean ± SD over {n_runs} runs. GRVSNN+ predicts by a weighted sum of parts: a "
        "mixed model fitted by REML, whose kernels are the markers (G), the pedigree "
        "loadings (L L') and relatives found by their markers, and marker effects "
        "trained from each start scale. Variance share: of a kernel within the mixed "
        "model, whatever the model's weight. Weights come from inner held-out rows; a "
        "mixture replaces the mixed model alone (weight 1) only where it predicts "
        "these better by two standard errors, and may give any part the weight 0. "
        "Parts that predict much the same share their weight."
    )


def parts_of_fits(mixed: Iterable[Mapping]) -> Table:
    """`parts_table` of the methods that are weighted sums of parts."""
    return parts_table(mixed)
