"""Table of accuracy against the number of training animals."""

import pandas as pd

from grvsnn.report.tables.layout import Table, fewer_runs, make_table, mean_sd
from grvsnn.report.tables.summary import MODEL_HEADINGS, model_rows, runs_note
from grvsnn.scoring.learning_curve import share_scores
from grvsnn.scoring.metrics import count_runs


def learning_table(scores: pd.DataFrame) -> Table:
    """Mean r by share of the training animals.

    Parameters
    ----------
    scores : DataFrame
        As `grvsnn.scoring.learning_curve.share_scores` returns it, of one dataset.

    Returns
    -------
    Table
        Rows trait x setting x model, a column for each share.
    """
    by = ["dataset", "trait", "setting", "method", "share"]
    numbers = (
        scores.groupby(by, sort=False)
        .agg(
            n_train=("n_train", "mean"),
            r_mean=("value", "mean"),
            r_sd=("value", "std"),
            n_runs=("value", "count"),
        )
        .reset_index()
    )
    cell = numbers.set_index(["trait", "setting", "method", "share"])
    shares = sorted(set(numbers["share"]))
    animals = numbers.groupby("share")["n_train"].mean()
    places, heads = model_rows(scores, cell.index.droplevel("share"))
    runs = max(count_runs(scores).values())
    cells = [
        [_text(cell.loc[(*place, share)], runs) for share in shares] for place in places
    ]
    return make_table(
        numbers=numbers,
        rows=heads,
        headings=MODEL_HEADINGS,
        columns=[f"{share} %, n = {animals[share]:.0f}" for share in shares],
        cells=cells,
        note="r by share and mean number of training animals. "
        f"{runs_note(scores, by)} "
        "Shares nest and have about the trait distribution of all training animals; "
        "tuning, standardisation and fixed effects use a share alone. Test animals are "
        "those of the benchmark. –: not defined, as the model predicts the same for "
        "all test animals.",
    )


def _text(row: pd.Series, runs: int) -> str:
    return mean_sd(row["r_mean"], row["r_sd"]) + fewer_runs(row["n_runs"], runs)


def shares_table(
    scores: pd.DataFrame, companions: pd.DataFrame, folds: pd.DataFrame
) -> Table:
    """`learning_table` of the benchmark's scores and those of its shares."""
    return learning_table(share_scores(scores, companions, folds))
