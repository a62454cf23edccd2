"""Registry of methods: name -> module whose `fit` has the contract of `grvsnn.tasks`.

Modules are imported on use, so that a job's environment needs only its own stack.
"""

from importlib import import_module
from pathlib import Path

from grvsnn.tasks import FitFunction, base_method

MODULES = {
    "mean": "grvsnn.methods.mean",
    "gblup": "grvsnn.methods.gblup",
    "brr": "grvsnn.methods.bayes",
    "blasso": "grvsnn.methods.bayes",
    "bayescpi": "grvsnn.methods.bayes",
    "lassonet": "grvsnn.methods.lassonet",
    "grvsnn": "grvsnn.methods.grvsnn",
    "grvsnn_plus": "grvsnn.methods.grvsnn_plus",
}

# folds are fitted one after the other and take long: each is kept as it is done
FOLD_BY_FOLD = {"lassonet", "grvsnn"}

# the others have no code for a GPU
ON_GPU = {"lassonet", "grvsnn"}
BAYESIAN = {"brr", "blasso", "bayescpi"}


def job_params(method: str, gpu: int, checkpoint: Path) -> dict[str, object]:
    """Return what a job adds to its method's parameters: a device, folders to write to.

    Parameters
    ----------
    method : str
        A method of the config, not its variant.
    gpu : int
        The rule's resource; 0 keeps the fit on the CPU, whatever the machine has.
    checkpoint : path
        Folder beside the job's output, of what a killed job can take up.
    """
    params: dict[str, object] = {}
    if method in ON_GPU:
        params["device"] = "auto" if gpu else "cpu"
    if method == "grvsnn":
        params["study_folder"] = str(checkpoint)
    if method in BAYESIAN:
        # one name for all runs of a job, so that the next one finds and removes it
        params["scratch"] = str(checkpoint.parent / "bglr-scratch")
    return params


def load_method(name: str) -> FitFunction:
    """Return the fit function of a method named in the config, or of its variant."""
    return import_module(MODULES[base_method(name)]).fit
