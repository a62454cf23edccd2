"""Eigendecompose A and keep the leading loadings of the genotyped animals."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from grvsnn.base.files import naming_damage, read_parquet, write_json, write_parquet
from grvsnn.pedigree.families import relationships_of
from grvsnn.pedigree.loadings import loadings_by, sort_by_id
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.rank_rules import describe_rank
from grvsnn.run.job import run_job

logger = logging.getLogger(__name__)


def main(job) -> None:
    """Write the spectrum, the loadings and how their rank was chosen."""
    settings = dict(job.params.loadings)
    sample_ids = read_parquet(job.input.phenotypes)["sample_id"].to_numpy(str)
    relationship, rows = read_relationship(
        Path(job.input.relationship), sample_ids, settings.get("both_sexes", False)
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


def read_relationship(
    path: Path, sample_ids: np.ndarray, both_sexes: bool
) -> tuple[np.ndarray | Pedigree, np.ndarray]:
    """Read A or the pedigree, and find the genotyped animals' rows in it."""
    if path.suffix == ".parquet":
        pedigree = Pedigree.from_frame(
            read_parquet(path), both_sexes=both_sexes, source=str(path)
        )
        return pedigree, pedigree.rows_of(sample_ids)
    with naming_damage(path), np.load(path) as stored:
        relationship = sort_by_id(stored["ids"], stored["A"])
    return relationships_of(relationship, sample_ids, str(path))


run_job(snakemake, main)
