"""Write the distance correlations of all datasets (the paper's Table 4)."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.tables.scores import dcor_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Read the collected scores and write the table."""
    table = dcor_table(read_parquet(job.input.scores))
    write_table(table, job.output, "Distance correlation", "dcor", job.input.facts)


run_job(snakemake, main)
