"""Write effective sample sizes and R-hat of the Bayesian methods as a table."""

from grvsnn.files import read_json
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.runs import convergence_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Read every fit's facts and write the table."""
    table = convergence_table([read_json(path) for path in job.input.fits])
    caption = f"Convergence of the samplers: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "convergence", job.input.facts)


run_job(snakemake, main)
