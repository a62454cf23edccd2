"""Score every rule of selection of every method that selects."""

import pandas as pd
from grvsnn.files import parquet_columns, read_parquet, write_parquet
from grvsnn.jobs import run_job
from grvsnn.scoring_inputs import KEYS, by_fit, read_true_qtl
from grvsnn.selection import by_rule, score_selection, stability_scores

COLUMNS = [*KEYS, "feature", "kind", "selected", "selected_raw", "pip"]


def main(job) -> None:
    """Write the scores and the stability, both with a column `rule`."""
    truth = read_true_qtl(job)
    scores, stability = [], []
    for paths in by_fit(job.input.features).values():
        for rule, features in by_rule(pd.concat(map(read_features, paths))):
            scores.append(score_selection(features, truth).assign(rule=rule))
            stability.append(stability_scores(features).assign(rule=rule))
    write_parquet(pd.concat(scores, ignore_index=True), job.output.scores)
    write_parquet(pd.concat(stability, ignore_index=True), job.output.stability)


def read_features(path: str) -> pd.DataFrame:
    """Read the columns that rules of selection need, as far as they are there."""
    there = set(parquet_columns(path))
    return read_parquet(path, columns=[name for name in COLUMNS if name in there])


run_job(snakemake, main)
