"""Eigendecompose A and keep the leading loadings of the genotyped animals."""

import logging

import numpy as np
import pandas as pd
from grvsnn.base.files import read_parquet, write_json, write_parquet
from grvsnn.pedigree.loadings import loadings_by
from grvsnn.pedigree.rank_rules import describe_rank
from grvsnn.pedigree.relatives import locate_relatives
from grvsnn.run.job import run_job

logger = logging.getLogger(__name__)


def main(job) -> None:
    """Write the spectrum, the loadings and how their rank was chosen."""
    settings = dict(job.params.loadings)
    sample_ids = read_parquet(job.input.phenotypes)["sample_id"].to_numpy(str)
    relationship, rows = locate_relatives(
        job.input.relationship,
        sample_ids,
        both_sexes=settings.get("both_sexes", False),
    )
    result = loadings_by(settings, relationship, rows)
    logger.info("%s", describe_rank(result.rank, result.rule, result.evidence))
    names = [f"PL{number}" for number in range(1, result.rank + 1)]
    table = pd.DataFrame(result.loadings, columns=names)
    table.insert(0, "sample_id", sample_ids)
    write_parquet(table, job.output.loadings)
    write_parquet(
        pd.DataFrame(
            {
                "index": np.arange(1, len(result.eigenvalues) + 1),
                "eigenvalue": result.eigenvalues,
            }
        ),
        job.output.eigenvalues,
    )
    write_json(
        {"rank": result.rank, "rule": result.rule, "evidence": dict(result.evidence)},
        job.output.rank,
    )


run_job(snakemake, main)
