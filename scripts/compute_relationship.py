"""Compute A among the genotyped animals, for methods that take it in full."""

import numpy as np
from grvsnn.base.files import atomic_path, read_parquet
from grvsnn.pedigree.relatives import relationships_among
from grvsnn.run.job import run_job


def main(job) -> None:
    """Write A in the order of the phenotypes' rows, which is that of the genotypes."""
    sample_ids = read_parquet(job.input.phenotypes)["sample_id"].to_numpy(str)
    A = relationships_among(
        job.input.relatives, sample_ids, both_sexes=job.params.both_sexes
    )
    with atomic_path(job.output.A) as scratch:
        np.save(scratch, A)


run_job(snakemake, main)
