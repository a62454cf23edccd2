"""Find a method's module, which is imported on use: a job has only its own stack."""

from importlib import import_module
from pathlib import Path

from grvsnn.protocol.fold_task import FitFunction


def load_fit(module: str) -> FitFunction:
    """Return the function `fit` of a module of this package.

    Parameters
    ----------
    module : str
        As the registry (workflow/methods.yaml) names it.
    """
    return import_module(f"grvsnn.methods.{module}").fit


def job_params(module: str, gpu: int, checkpoint: Path) -> dict[str, object]:
    """Return what a job adds to its method's parameters, such as a device.

    Parameters
    ----------
    module : str
        As in `load_fit`; its function ``job_params``, if it has one, says what.
    gpu : int
        GPUs of the job; 0 keeps the fit on the CPU, whatever the machine has.
    checkpoint : path
        Folder beside the job's output that a killed job resumes from.
    """
    added = getattr(import_module(f"grvsnn.methods.{module}"), "job_params", None)
    return added(gpu, checkpoint) if added else {}
