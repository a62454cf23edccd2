"""Which animals a fit was handed, and whether test animals are among them.

A fit names them by row number, so that what it was handed can be read back and held
against the folds afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.protocol.fit_facts import identify, pack_rows, unpack_rows
from grvsnn.protocol.fold_task import FoldTask
from grvsnn.protocol.folds import fold_rows

STAGES = ("phenotypes", "training", "tuning")
JOB = ["dataset", "setting", "method", "repeat"]


def handed_rows(task: FoldTask) -> dict[str, str]:
    """Rows that each stage of a fit is handed, as `pack_rows` packs them.

    Parameters
    ----------
    task : FoldTask
        One outer fold as the method gets it.

    Returns
    -------
    dict
        phenotypes: rows with a phenotype in ``task.Y``; training: the rows that markers
        are imputed and features standardised by; tuning: rows of the inner splits.
    """
    splits = [part for split in task.inner_splits for part in split]
    rows = {
        "phenotypes": np.flatnonzero(np.isfinite(task.Y).any(axis=1)),
        "training": task.scaling_rows,
        "tuning": np.unique(np.concatenate([*splits, np.array([], dtype=int)])),
    }
    n_samples = len(task.sample_ids)
    return {name: pack_rows(rows[name].astype(int), n_samples) for name in STAGES}


def handed_animals(
    fits: Iterable[Mapping], folds: pd.DataFrame, sample_ids: Sequence[str]
) -> pd.DataFrame:
    """Count the test animals among those that every fit was handed.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files of one dataset.
    folds : DataFrame
        The dataset's folds table.
    sample_ids : sequence of str
        Animals in the order of the genotype files.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, fold, stage, n_rows, n_test (test animals of
        the fold), n_test_rows (how many of them the stage was handed).
    """
    known = identify(sample_ids)
    test_rows, rows = {}, []
    for fit in fits:
        if fit.get("animals") != known:
            name = "/".join(str(fit[key]) for key in JOB)
            raise InputError(
                f"{name}: fits.json is of other animals, or of a version that did not "
                "name them; delete it and fit again"
            )
        for facts in fit["folds"]:
            place = (fit["repeat"], facts["fold"])
            if place not in test_rows:
                test_rows[place] = fold_rows(folds, *place, sample_ids)[1]
            test = test_rows[place]
            for stage, packed in facts["handed"].items():
                handed = unpack_rows(packed, len(sample_ids))
                rows.append(
                    {key: fit[key] for key in JOB}
                    | {"fold": facts["fold"], "stage": stage, "n_rows": len(handed)}
                    | {"n_test": len(test), "n_test_rows": np.isin(test, handed).sum()}
                )
    return pd.DataFrame(rows)


def demand_no_test_animal(handed: pd.DataFrame) -> None:
    """Raise where a stage was handed a test animal, as nothing is under ``nested``.

    Raises
    ------
    RuntimeError
        It names the first such fit.
    """
    leaks = handed[handed["n_test_rows"] > 0]
    if len(leaks):
        first = leaks.iloc[0]
        name = "/".join(str(first[key]) for key in [*JOB, "fold", "stage"])
        raise RuntimeError(
            f"{len(leaks)} stages were handed test animals under the nested protocol: "
            f"{name} has {first['n_test_rows']} of {first['n_test']}"
        )
