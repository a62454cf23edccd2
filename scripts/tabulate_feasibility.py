"""Lint the reported values and this run's, and write counts and findings."""

from pathlib import Path

import pandas as pd
from grvsnn.files import read_json, read_parquet
from grvsnn.jobs import run_job
from grvsnn.lint import Assumptions, lint_results, lintable
from grvsnn.reported import read_results
from grvsnn.tables.audit import feasibility_table, findings_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Check what the config's datasets are reported with, and what came out."""
    given = Assumptions()
    checks = []
    if job.input.reported:
        sizes = pd.read_csv(job.input.reported_sizes, comment="#")
        part = lint_results(read_results(job.input.reported), sizes, given)
        checks.append(part.assign(source="Reported"))
    scores = read_parquet(job.input.scores)
    part = lint_results(lintable(scores), our_sizes(job), given)
    checks = pd.concat([*checks, part.assign(source="Ours")], ignore_index=True)
    tables = {
        "feasibility": (feasibility_table(checks, given), "Feasibility of the numbers"),
        "findings": (findings_table(checks), "Values that could not be reconciled"),
    }
    for name, (table, caption) in tables.items():
        paths = [path for path in job.output if Path(path).stem == name]
        write_table(table, paths, caption, name, job.input.facts)


def our_sizes(job) -> pd.DataFrame:
    """Markers and loadings of every dataset; one without relatives has no loadings."""
    ranks = dict(zip(job.params.with_relatives, job.input.ranks, strict=True))
    rows = [
        {
            "dataset": dataset,
            "n_markers": len(Path(bim).read_text(encoding="utf-8").splitlines()),
            "n_loadings": read_json(ranks[dataset])["rank"] if dataset in ranks else 0,
        }
        for dataset, bim in zip(job.params.datasets, job.input.bims, strict=True)
    ]
    return pd.DataFrame(rows)


run_job(snakemake, main)
