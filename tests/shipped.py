"""The registry of methods and the schemas as they are shipped."""

from grvsnn.base.names import base_method
from grvsnn.base.registry import read_registry
from grvsnn.methods.loading import load_fit
from grvsnn.run.config_check import read_schemas

METHODS = read_registry("methods")


def read_shipped_schemas(root):
    """Schemas of the config and of the registry of datasets."""
    folder = root / "workflow/schemas"
    return read_schemas(
        folder / "config.schema.yaml", folder / "datasets.schema.yaml", METHODS
    )


def load_method(name: str):
    """Return the fit function of a method of the registry, or of its variant."""
    entry = METHODS[base_method(name)]
    return load_fit(entry.get("module", base_method(name)))
