"""Score every fit of a dataset: the one place where predictions meet phenotypes."""

import pandas as pd
from grvsnn.files import read_json, read_parquet, write_parquet
from grvsnn.jobs import run_job
from grvsnn.metrics import score_predictions
from grvsnn.scoring_inputs import KEYS, by_fit, read_true_qtl
from grvsnn.selection import score_selection, stability_scores
from grvsnn.tables.facts import fit_facts
from grvsnn.targets import restate
from grvsnn.tasks import is_leaky

SELECTION_COLUMNS = ["feature", "kind", "selected"]


def main(job) -> None:
    """Write scores, the selection's stability, and what tables say of the fits."""
    truth = read_truth(job.input.truth)
    own_truth = read_truth(job.input.get("own_truth"))
    if job.input.get("true_values"):
        truth = with_true_values(truth, read_parquet(job.input.true_values))
    qtl = read_true_qtl(job)
    scores, stability = [], []
    for path in job.input.predictions:
        predictions = read_parquet(path)
        if own_truth is not None and is_leaky(predictions["method"].iloc[0]):
            predictions = restate(predictions, own_truth, truth)
        scores.append(score_predictions(predictions, truth))
    for paths in by_fit(job.input.features).values():
        features = pd.concat(
            [read_parquet(p, columns=KEYS + SELECTION_COLUMNS) for p in paths]
        )
        scores.append(score_selection(features, qtl))
        stability.append(stability_scores(features))
    write_parquet(pd.concat(scores, ignore_index=True), job.output.scores)
    write_parquet(pd.concat(stability, ignore_index=True), job.output.stability)
    write_parquet(fit_facts(map(read_json, job.input.fits)), job.output.facts)


def read_truth(paths: list[str] | None) -> pd.DataFrame | None:
    """Join the test phenotypes of all repeats; None where there are no files."""
    if not paths:
        return None
    return pd.concat(map(read_parquet, paths), ignore_index=True)


def with_true_values(truth: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Add the simulated genetic and breeding values of each test animal."""
    values = values.rename(columns={"id": "sample_id"})
    return truth.merge(values, on=["sample_id", "trait"], how="left")


run_job(snakemake, main)
