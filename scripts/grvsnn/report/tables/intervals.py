"""Table of prediction intervals: how often they hold, and how wide they are."""

from itertools import product

import numpy as np
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
from grvsnn.protocol.conformal import COVERAGE
from grvsnn.report.tables.layout import Table, make_table, mean_sd, with_interval
from grvsnn.report.tables.summary import runs_note
from grvsnn.scoring.interval_coverage import coverage_frame

SHOWN = ("coverage", "interval_width", "n_observed")


def intervals_table(scores: pd.DataFrame, dataset: str) -> Table:
    """Coverage and width of the prediction intervals of one dataset.

    Parameters
    ----------
    scores : DataFrame
        Long scores; methods without coverage have no row.
    dataset : str
        Which dataset.

    Returns
    -------
    Table
        Rows trait x model, columns setting x (coverage, pooled coverage with Wilson's
        95 % interval, width).
    """
    scores = scores[scores["dataset"] == dataset]
    scores = scores[scores["metric"].isin(SHOWN)]
    frame = coverage_frame(scores)
    found = {(row.setting, row.trait, row.method): row for row in frame.itertuples()}
    settings = settings_in(frame)
    places = list(product(traits_in(frame), methods_in(frame)))
    cells = [
        [text for s in settings for text in _cells(found.get((s, trait, method)))]
        for trait, method in places
    ]
    leaves = ["Coverage", "Pooled [95 %]", "Width"]
    return make_table(
        numbers=frame,
        rows=[(trait_label(trait), method_label(method)) for trait, method in places],
        headings=["Trait", "Model"],
        columns=list(product([setting_label(setting) for setting in settings], leaves)),
        cells=cells,
        note=f"{runs_note(scores)} {_note()}",
    )


def _cells(row: object) -> list[str]:
    if row is None:
        return [GAP] * 3
    pooled = with_interval(row.pooled, row.lower, row.upper)
    width = "∞" if np.isinf(row.width) else mean_sd(row.width, row.width_sd)
    return [mean_sd(row.coverage, row.coverage_sd), pooled, width]


def _note() -> str:
    return (
        f"Intervals of nominal coverage {COVERAGE:g} from out-of-fold residuals of the "
        "training rows (CV+, Barber et al. 2021; split conformal for a single member). "
        "Early stopping, tuning and the weights of GRVSNN+ read the same rows, so that "
        "these residuals are a little small and the nominal coverage is not "
        "guaranteed; what was reached is shown. Coverage: share of test phenotypes "
        "within their interval; pooled: over all test animals, with Wilson's interval "
        "for the animals of one repeat; width in training SD. –: no intervals in this "
        "setting."
    )
