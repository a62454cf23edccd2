"""Write methods and their variants as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.ablation import ablation_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    scores = read_parquet(job.input.scores)
    table = ablation_table(scores, job.params.variants)
    caption = f"Methods and their variants: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "ablation", job.input.facts)


run_job(snakemake, main)
