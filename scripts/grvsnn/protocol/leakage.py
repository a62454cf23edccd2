"""No fit is handed a test animal under the nested protocol."""

import numpy as np

from grvsnn.protocol.fold_task import FoldTask


def demand_no_test_animal(task: FoldTask) -> None:
    """Stop a fit that could see a test animal.

    Parameters
    ----------
    task : FoldTask
        One outer fold as the method is about to get it.

    Raises
    ------
    RuntimeError
        A test animal has a phenotype, or is among the rows that impute and standardise
        features or among those of the inner splits.
    """
    inner = task.inner_splits
    stages = {
        "phenotypes": np.flatnonzero(np.isfinite(task.Y).any(axis=1)),
        "training": np.union1d(task.train, task.scaling_rows),
        "tuning": [row for split in inner for part in split for row in part],
    }
    for stage, rows in stages.items():
        n_seen = np.isin(task.test, rows).sum()
        if n_seen:
            place = f"{task.dataset}/{task.setting}/{task.method}/{task.repeat}"
            raise RuntimeError(
                f"{place}/{task.fold}/{stage} has {n_seen} of {len(task.test)} test "
                "animals under the nested protocol"
            )
