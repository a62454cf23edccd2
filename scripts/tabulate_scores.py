"""Write one table of a dataset's scores as CSV, LaTeX and HTML."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.scores import calibration_table, performance_table, truth_table
from grvsnn.tables.write import write_table

CAPTIONS = {
    "performance": "Prediction accuracy and selected features",
    "calibration": "Calibration and ranking",
    "truth": "Accuracy and selection against the simulated truth",
}


def main(job) -> None:
    """Build the table that the output's name asks for."""
    scores = read_parquet(job.input.scores)
    dataset, name = job.wildcards.dataset, job.wildcards.table
    if name == "performance":
        table = performance_table(scores, dataset)
    elif name == "calibration":
        table = calibration_table(scores, dataset)
    else:
        table = truth_table(scores, dataset, window=f"{job.params.window_cm:g} cM")
    write_table(
        table,
        job.output,
        f"{CAPTIONS[name]}: {dataset_label(dataset)}",
        name,
        job.input.facts,
    )


run_job(snakemake, main)
