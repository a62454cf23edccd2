"""Read a config as a run does, outside of the workflow."""

from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from grvsnn.base.errors import InputError
from grvsnn.base.registry import read_registry
from grvsnn.run.config_check import check_and_complete, read_schemas

ROOT = Path(__file__).resolve().parents[3]


def load_config(path: str | Path) -> tuple[dict, list[str]]:
    """Read a config file on top of the default one.

    Returns
    -------
    config : dict
        With its registry of datasets and, where there are no mistakes, its defaults.
    problems : list of str
        One line for each mistake.
    """
    config: dict = {}
    try:
        for name in ("config/datasets.yaml", "config/config.yaml"):
            update_config(config, load_configfile(str(ROOT / name)))
        update_config(config, load_configfile(str(path)))
    except WorkflowError as error:
        return config, [f"{path}: {error}"]
    except UnicodeDecodeError:
        return config, [f"{path}: not UTF-8; save the file as UTF-8"]
    except OSError as error:
        return config, [f"{path} cannot be read: {error.strerror}"]
    methods = read_registry("methods")
    folder = ROOT / "workflow/schemas"
    schemas = read_schemas(
        folder / "config.schema.yaml", folder / "datasets.schema.yaml", methods
    )
    return config, check_and_complete(config, [path], schemas, methods)


def read_config(path: str | Path) -> dict:
    """Read a config file; raises InputError where it has mistakes."""
    config, problems = load_config(path)
    if problems:
        raise InputError("; ".join(problems))
    return config
