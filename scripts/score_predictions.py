"""Score every fit of a dataset: the one place where predictions meet phenotypes."""

import pandas as pd
from grvsnn.files import write_parquet
from grvsnn.genotypes import read_genotypes
from grvsnn.jobs import run_job
from grvsnn.metrics import score_predictions
from grvsnn.selection import TrueQtl, score_selection, stability_scores

SELECTION_COLUMNS = ["feature", "kind", "selected"]
KEYS = ["dataset", "setting", "method", "repeat", "fold", "trait"]


def main(job) -> None:
    """Write scores.parquet and the selection's stability."""
    truth = pd.concat(map(pd.read_parquet, job.input.truth), ignore_index=True)
    if job.input.get("true_values"):
        truth = with_true_values(truth, pd.read_parquet(job.input.true_values))
    qtl = read_true_qtl(job)
    scores, stability = [], []
    for path in job.input.predictions:
        scores.append(score_predictions(pd.read_parquet(path), truth))
    for paths in by_fit(job.input.features).values():
        features = pd.concat(
            [pd.read_parquet(p, columns=KEYS + SELECTION_COLUMNS) for p in paths]
        )
        scores.append(score_selection(features, qtl))
        stability.append(stability_scores(features))
    write_parquet(pd.concat(scores, ignore_index=True), job.output.scores)
    write_parquet(pd.concat(stability, ignore_index=True), job.output.stability)


def by_fit(paths: list[str]) -> dict[str, list[str]]:
    """Group the repeats of one setting and method, so that few are in memory."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(path.rsplit("/", 2)[0], []).append(path)
    return groups


def with_true_values(truth: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Add the simulated genetic and breeding values of each test animal."""
    values = values.rename(columns={"id": "sample_id"})
    return truth.merge(values, on=["sample_id", "trait"], how="left")


def read_true_qtl(job) -> TrueQtl | None:
    """QTL of a simulated population and the map to hold selections against."""
    if not job.input.get("true_qtl"):
        return None
    _, _, marker_map = read_genotypes(job.input.bed)
    return TrueQtl(
        pd.read_parquet(job.input.true_qtl), marker_map, job.params.window_cm, "cm"
    )


run_job(snakemake, main)
