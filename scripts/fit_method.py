"""Fit one method on all outer folds of dataset x setting x repeat."""

from contextlib import nullcontext

from grvsnn.base.usage import Usage, earlier_usage
from grvsnn.methods.loading import job_params
from grvsnn.run.checkpoints import keep_while_fitting
from grvsnn.run.fit_job import JobKey, checkpoint_folder, fit_and_write, load_tasks
from grvsnn.run.job import run_job


def main(job) -> list[Usage]:
    """Load the repeat's tasks, fit them and write predictions, features and facts.

    Returns what killed attempts had used up to the checkpoints that were taken up.
    """
    wildcards = job.wildcards
    key = JobKey(
        wildcards.dataset,
        wildcards.setting,
        wildcards.method,
        int(wildcards.repeat),
        job.params.seed,
    )
    tasks = load_tasks(
        key,
        bed=job.input.genotypes[0],
        training=job.input.training,
        folds=job.input.folds,
        loadings=job.input.get("loadings"),
        protocol=job.params.protocol,
        fractional=job.input.get("fractional"),
        environment=job.input.get("environment"),
        relationship=job.input.get("relationship"),
    )
    method = job.params.method
    params = dict(method["params"])
    checkpoint = checkpoint_folder(
        tasks, params, beside=job.output.fits, code=job.params.code
    )
    params |= job_params(method["module"], job.resources.gpu, checkpoint)
    keeps = method["keeps_folds"]
    with keep_while_fitting(checkpoint) if keeps else nullcontext() as folder:
        fit_and_write(
            method["module"],
            tasks,
            params,
            job.threads,
            predictions=job.output.predictions,
            features=job.output.features,
            fits=job.output.fits,
            checkpoint=folder,
        )
        return earlier_usage(folder) if folder else []


run_job(snakemake, main)
