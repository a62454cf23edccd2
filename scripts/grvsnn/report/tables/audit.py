"""Tables of the audit: reported beside reproduced, feasibility, leakage controls."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.labels import (
    GAP,
    dataset_label,
    method_label,
    metric_label,
    setting_label,
    trait_label,
)
from grvsnn.report.tables.layout import Table, make_table, mean_sd, number
from grvsnn.report.tables.summary import Summary
from grvsnn.scoring.null_band import null_frame
from grvsnn.scoring.plausibility import (
    COUNTS,
    RULES,
    Assumptions,
    count_findings,
    lint_results,
    lintable,
)
from grvsnn.scoring.reported import REPRODUCED, read_results, reproduce

DIGITS = {"minutes": 2, "improvement": 1, "best_epoch": 0, **dict.fromkeys(COUNTS, 0)}

logger = logging.getLogger(__name__)


def reproduced_table(reproduced: pd.DataFrame) -> Table:
    """Every reported number beside this workflow's.

    Parameters
    ----------
    reproduced : DataFrame
        As `grvsnn.scoring.reported.reproduce` returns it.
    """
    cells = [_reproduced_cells(row) for row in reproduced.itertuples()]
    note = (
        "Reported: mean ± SD as printed in the paper's Tables 1 to 5, and the numbers "
        "that its text gives for ablations (epochs: of both settings here, the paper's "
        "is not stated). Ours: mean ± SD "
        "over our runs (minutes: over repeats), MSE in training variances; the unit of "
        "the reported MSE is not stated. Difference: ours − reported. Data not "
        "available: the dataset was not run here. Protocol published is optimistic."
    )
    return make_table(
        numbers=reproduced,
        rows=[_place(row, row.table) for row in reproduced.itertuples()],
        headings=["Table", "Dataset", "Trait", "Model", "Data", "Number"],
        columns=["Reported", "Ours", "Difference", "Runs", "Protocol", "Made by"],
        cells=cells,
        note=note,
    )


def _place(row: object, *first: str) -> tuple[str, ...]:
    return (
        *first,
        dataset_label(row.dataset),
        trait_label(row.trait) or GAP,
        method_label(row.method),
        setting_label(row.setting) or GAP,
        metric_label(row.metric),
    )


def _reproduced_cells(row: object) -> list[str]:
    digits = DIGITS.get(row.metric, 3)
    reported = mean_sd(row.reported_mean, row.reported_sd, digits)
    if row.status != REPRODUCED:
        return [reported, row.status, GAP, GAP, GAP, GAP]
    return [
        reported,
        mean_sd(row.mean, row.sd, digits),
        number(row.difference, digits),
        number(row.n_runs, 0),
        row.protocol,
        row.backend or GAP,
    ]


def feasibility_table(checks: pd.DataFrame, given: Assumptions) -> Table:
    """Cells checked and findings of every rule, by source of the results.

    Parameters
    ----------
    checks : DataFrame
        As `grvsnn.scoring.plausibility.lint_results` returns it, with a column
        ``source``.
    given : Assumptions
        What the bounds rest on, for the note.
    """
    counts = count_findings(checks, "source")
    sources = list(dict.fromkeys(counts["source"]))
    found = counts.set_index(["source", "rule"])
    rules = [name for name in RULES if name in set(counts["rule"])]
    cells = [
        [text for source in sources for text in _counts(found, (source, name))]
        for name in rules
    ]
    columns = [(source, leaf) for source in sources for leaf in ("Checked", "Findings")]
    note = (
        "Findings could not be reconciled with the rest of their row under the stated "
        f"assumption: Var(y) = {given.variance:g} in the unit of the MSE, up to "
        f"{given.variance_slack:.0%}; distance correlation within {given.dcor_slack:g} "
        "of its range in bivariate normal data; SDs taken between runs (not between "
        f"repeats), not more than {given.spread:g} times what sampling the test "
        "animals of a fold gives and not less than its chance bound. Rounding of "
        "printed digits is allowed for. Printed digits can agree by chance. A method "
        "that selects no loading may repeat its row from markers alone."
    ).replace("%", " %")
    return make_table(
        numbers=counts,
        rows=[(RULES[name].statement,) for name in rules],
        headings=["Rule"],
        columns=columns,
        cells=cells,
        note=note,
    )


def _counts(found: pd.DataFrame, key: tuple[str, str]) -> Iterable[str]:
    if key not in found.index:
        return [GAP, GAP]
    return [number(found.loc[key, name], 0) for name in ("checked", "findings")]


def findings_table(checks: pd.DataFrame) -> Table:
    """List every finding with its value and bounds.

    Parameters
    ----------
    checks : DataFrame
        As `grvsnn.scoring.plausibility.lint_results` returns it, with a column
        ``source``.
    """
    findings = checks[checks["fails"]].drop(columns="fails")
    cells = [
        [row.quantity, number(row.value), _bounds(row.lower, row.upper)]
        for row in findings.itertuples()
    ]
    return make_table(
        numbers=findings,
        rows=[
            _place(row, row.source, RULES[row.rule].statement)
            for row in findings.itertuples()
        ],
        headings=["Source", "Rule", "Dataset", "Trait", "Model", "Data", "Number"],
        columns=["Of", "Value", "Bounds"],
        cells=cells,
        note="Values that could not be reconciled with their bounds, which allow for "
        "rounding.",
    )


def _bounds(lower: float, upper: float) -> str:
    low = "−∞" if np.isneginf(lower) else number(lower)
    high = "∞" if np.isposinf(upper) else number(upper)
    return f"[{low}, {high}]"


def sentinel_table(null: pd.DataFrame, scores: pd.DataFrame) -> Table:
    """Accuracy of fits to permuted phenotypes beside the fits' own.

    Parameters
    ----------
    null : DataFrame
        As `grvsnn.scoring.null_band.null_frame` returns it.
    scores : DataFrame
        Long scores of the benchmark.
    """
    own = Summary(scores[scores["metric"] == "r"])
    bases = null["method"].str.partition("-")[0]
    columns = (null["dataset"], null["setting"], null["trait"], bases)
    places = [(*place, "r") for place in zip(*columns, strict=True)]
    numbers = null.assign(r_unpermuted=[own.cell(*place)[0] for place in places])
    cells = [
        [
            mean_sd(row.r, row.sd),
            f"±{number(row.band)}",
            "inside" if row.inside else "outside",
            number(row.r_unpermuted) + own.mark(*place),
            number(row.n_runs, 0),
        ]
        for row, place in zip(numbers.itertuples(), places, strict=True)
    ]
    return make_table(
        numbers=numbers,
        rows=[
            (
                setting_label(row.setting),
                method_label(row.method),
                trait_label(row.trait),
            )
            for row in numbers.itertuples()
        ],
        headings=["Data", "Model", "Trait"],
        columns=["r, permuted", "Null band", "Verdict", "r, not permuted", "Runs"],
        cells=cells,
        note=_sentinel_note(null),
    )


def _sentinel_note(null: pd.DataFrame) -> str:
    left = int((~null["inside"]).sum())
    verdict = (
        f"Passed: all {len(null)} lie in their null band."
        if not left
        else f"Not passed: {left} of {len(null)} lie outside their null band."
    )
    return (
        f"{verdict} Fits to phenotypes that were permuted among the training animals "
        "of each fold, scored with the true test phenotypes: any accuracy beyond "
        "chance is leakage. Band: z max(1/√n, SD/√runs) around 0, n test phenotypes, "
        "SD between runs pooled over the rows, z such that all rows together leave it "
        "with probability 0.05 (1.96 for one row). Constant predictions count as r = 0 "
        "among the permuted; of those not permuted, r is the mean of the runs that "
        "have one: (n = …) where these are fewer, – where there are none."
    )


def reported_and_reproduced(
    reported: str,
    claims: str,
    scores: pd.DataFrame,
    fits: Sequence[Mapping],
    protocol: str,
) -> Table:
    """`reproduced_table` of the paper's tables and text beside this run."""
    values = pd.concat(map(read_results, (reported, claims)), ignore_index=True)
    return reproduced_table(reproduce(values, scores, fits, protocol))


def plausibility_counts(
    reported: str,
    reported_sizes: str,
    scores: pd.DataFrame,
    bims: Sequence[str],
    ranks: Sequence[Mapping],
    datasets: Sequence[str],
    with_relatives: Sequence[str],
) -> Table:
    """`feasibility_table` of the reported values and of this run's."""
    sizes = count_features(bims, ranks, datasets, with_relatives)
    checks = check_plausibility(reported, reported_sizes, scores, sizes)
    return feasibility_table(checks, Assumptions())


def plausibility_findings(
    reported: str,
    reported_sizes: str,
    scores: pd.DataFrame,
    bims: Sequence[str],
    ranks: Sequence[Mapping],
    datasets: Sequence[str],
    with_relatives: Sequence[str],
) -> Table:
    """`findings_table` of the reported values and of this run's."""
    sizes = count_features(bims, ranks, datasets, with_relatives)
    return findings_table(check_plausibility(reported, reported_sizes, scores, sizes))


def check_plausibility(
    reported: str, reported_sizes: str, scores: pd.DataFrame, sizes: pd.DataFrame
) -> pd.DataFrame:
    """Check what the run's datasets are reported with, and what came out.

    Parameters
    ----------
    reported, reported_sizes : path
        The paper's tables and sizes of its datasets; none where it has none of the
        run's.
    scores : DataFrame
        Long scores of all datasets.
    sizes : DataFrame
        From `count_features`.
    """
    checks = []
    if reported:
        their_sizes = pd.read_csv(reported_sizes, comment="#")
        part = lint_results(read_results(reported), their_sizes, Assumptions())
        checks.append(part.assign(source="Reported"))
    part = lint_results(lintable(scores), sizes, Assumptions())
    return pd.concat([*checks, part.assign(source="Ours")], ignore_index=True)


def count_features(
    bims: Sequence[str],
    ranks: Sequence[Mapping],
    datasets: Sequence[str],
    with_relatives: Sequence[str],
) -> pd.DataFrame:
    """Markers and loadings of every dataset; one without relatives has no loadings."""
    chosen = dict(zip(with_relatives, ranks, strict=True))
    rows = [
        {
            "dataset": dataset,
            "n_markers": len(Path(bim).read_text(encoding="utf-8").splitlines()),
            "n_loadings": chosen[dataset]["rank"] if dataset in chosen else 0,
        }
        for dataset, bim in zip(datasets, bims, strict=True)
    ]
    return pd.DataFrame(rows)


def permuted_phenotypes(controls: pd.DataFrame, scores: pd.DataFrame) -> Table:
    """`sentinel_table` of a dataset; a warning where a control is not null."""
    null = null_frame(controls)
    table = sentinel_table(null, scores)
    if not null["inside"].all():
        logger.warning("%s", table.note)
    return table
