"""Write what training size and leakage add to r as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.optimism import fitted_shares, read_optimism
from grvsnn.tables.optimism import optimism_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    table = optimism_table(
        read_optimism(job.input.scores, job.input.companions, job.input.variants),
        fitted_shares(read_parquet(job.input.folds)),
    )
    dataset = dataset_label(job.wildcards.dataset)
    caption = f"Training size and leakage under the two protocols: {dataset}"
    write_table(table, job.output, caption, "optimism", job.input.facts)


run_job(snakemake, main)
