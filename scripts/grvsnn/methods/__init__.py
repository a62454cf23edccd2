"""Registry of methods: name -> module whose `fit` has the contract of `grvsnn.tasks`.

Modules are imported on use, so that a job's environment needs only its own stack.
"""

from importlib import import_module

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


def load_method(name: str) -> FitFunction:
    """Return the fit function of a method named in the config, or of its variant."""
    return import_module(MODULES[base_method(name)]).fit
