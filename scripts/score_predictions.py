"""Score every fit of a dataset: the one place where predictions meet phenotypes."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from grvsnn.base.files import parquet_columns, read_json, read_parquet, write_parquet
from grvsnn.base.names import is_leaky
from grvsnn.genotypes.plink import read_genotypes
from grvsnn.protocol.targets import restate
from grvsnn.run.job import run_job
from grvsnn.scoring.comparisons import compare_methods
from grvsnn.scoring.fits import fit_facts
from grvsnn.scoring.metrics import score_predictions
from grvsnn.scoring.selection import TrueQtl, by_rule, score_selection, stability_scores

KEYS = ["dataset", "setting", "method", "repeat", "fold", "trait"]
COLUMNS = [*KEYS, "feature", "kind", "selected"]
RULES = [*COLUMNS, "selected_raw", "pip"]


def main(job) -> None:
    """Write scores, stability and facts; of a benchmark its tests and rules too."""
    qtl = read_true_qtl(job)
    own, by_fit = score_own_rules(job.input.features, qtl)
    scores = pd.concat([*score_all(job), *own], ignore_index=True)
    write_parquet(scores, job.output.scores)
    write_parquet(pd.concat(by_fit, ignore_index=True), job.output.stability)
    write_parquet(fit_facts(map(read_json, job.input.fits)), job.output.facts)
    if job.output.get("comparisons"):
        tests = compare_methods(scores, rope=job.params.rope)
        write_parquet(tests, job.output.comparisons)
        write_rules(job, qtl)


def score_all(job) -> list[pd.DataFrame]:
    """Score each fit's predictions against the test phenotypes."""
    truth = read_truth(job.input.truth)
    own_truth = read_truth(job.input.get("own_truth"))
    if job.input.get("true_values"):
        truth = with_true_values(truth, read_parquet(job.input.true_values))
    scores = []
    for path in job.input.predictions:
        predictions = read_parquet(path)
        if own_truth is not None and is_leaky(predictions["method"].iloc[0]):
            predictions = restate(predictions, own_truth, truth)
        scores.append(score_predictions(predictions, truth))
    return scores


def read_truth(paths: Sequence[str] | None) -> pd.DataFrame | None:
    """Join the test phenotypes of all repeats; None where there are no files."""
    if not paths:
        return None
    return pd.concat(map(read_parquet, paths), ignore_index=True)


def with_true_values(truth: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Add the simulated genetic and breeding values of each test animal."""
    values = values.rename(columns={"id": "sample_id"})
    return truth.merge(values, on=["sample_id", "trait"], how="left")


def read_true_qtl(job) -> TrueQtl | None:
    """QTL of a simulated population and the map to compare selections with."""
    if not job.input.get("true_qtl"):
        return None
    _, _, marker_map = read_genotypes(job.input.bed)
    return TrueQtl(
        read_parquet(job.input.true_qtl), marker_map, job.params.window_cm, "cm"
    )


def group_by_fit(paths: Sequence[str]) -> list[list[str]]:
    """Group the repeats of one setting and method, so that few are in memory."""
    groups: dict[Path, list[str]] = {}
    for path in paths:
        groups.setdefault(Path(path).parents[1], []).append(path)
    return list(groups.values())


def score_own_rules(
    features: Sequence[str], qtl: TrueQtl | None
) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Score what each method selects by its own rule; returns scores and stability."""
    scores, stability = [], []
    for paths in group_by_fit(features):
        selected = pd.concat([read_parquet(path, columns=COLUMNS) for path in paths])
        scores.append(score_selection(selected, qtl))
        stability.append(stability_scores(selected))
    return scores, stability


def write_rules(job, qtl: TrueQtl | None) -> None:
    """Score every rule of selection of every method that selects."""
    scores, stability = [], []
    for paths in group_by_fit(job.input.features):
        if Path(paths[0]).parts[-3] not in job.params.selecting:
            continue
        for rule, features in by_rule(pd.concat(map(read_rules, paths))):
            scores.append(score_selection(features, qtl).assign(rule=rule))
            stability.append(stability_scores(features).assign(rule=rule))
    for parts, path in (
        (scores, job.output.selection_scores),
        (stability, job.output.selection_stability),
    ):
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        write_parquet(table, path)


def read_rules(path: str) -> pd.DataFrame:
    """Read the columns that rules of selection need, as far as they are there."""
    there = set(parquet_columns(path))
    return read_parquet(path, columns=[name for name in RULES if name in there])


run_job(snakemake, main)
