"""Score every rule of selection of every method that selects."""

from itertools import groupby

import pandas as pd
from grvsnn.files import write_parquet
from grvsnn.genotypes import read_genotypes
from grvsnn.jobs import run_job
from grvsnn.selection import TrueQtl, by_rule, score_selection, stability_scores
from pyarrow.parquet import read_schema

KEYS = ["dataset", "setting", "method", "repeat", "fold", "trait"]
COLUMNS = [*KEYS, "feature", "kind", "selected", "pip"]


def main(job) -> None:
    """Write the scores and the stability, both with a column `rule`."""
    truth = read_truth(job)
    scores, stability = [], []
    # the repeats of one setting and method lie beside each other
    for _, paths in groupby(
        job.input.features, key=lambda path: path.rsplit("/", 2)[0]
    ):
        for rule, features in by_rule(pd.concat(map(read_features, paths))):
            scores.append(score_selection(features, truth).assign(rule=rule))
            stability.append(stability_scores(features).assign(rule=rule))
    write_parquet(pd.concat(scores, ignore_index=True), job.output.scores)
    write_parquet(pd.concat(stability, ignore_index=True), job.output.stability)


def read_features(path: str) -> pd.DataFrame:
    """Read the columns that rules of selection need, as far as they are there."""
    there = set(read_schema(path).names)
    return pd.read_parquet(path, columns=[name for name in COLUMNS if name in there])


def read_truth(job) -> TrueQtl | None:
    """QTL of a simulated population and the map to hold selections against."""
    if not job.input.get("true_qtl"):
        return None
    _, _, marker_map = read_genotypes(job.input.bed)
    qtl = pd.read_parquet(job.input.true_qtl)
    return TrueQtl(qtl, marker_map, job.params.window_cm, "cm")


run_job(snakemake, main)
