"""What finished jobs took, by kind of job: what estimates and budgets are made from."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from grvsnn.base.files import read_json
from grvsnn.base.labels import METHODS
from grvsnn.base.names import base_method, fitted_as
from grvsnn.base.usage import read_usage

KEYS = ["dataset", "setting", "method"]
HERE = "here"
STAGE = "all"
# <dataset>/<stage>, <dataset>/<stage>/repeat-<r>[-<companion>] or
# <dataset>/<setting>/<method>/repeat-<r>
KIND = re.compile(
    r"(?:.*/)?benchmarks/([^/]+)/(?:([^/]+)/)??([^/]+?)(?:/repeat-\d+(-\w+)?)?\.json"
)


def job_kind(usage: str) -> tuple[str, str, str]:
    """Dataset, setting and method that a usage file's path names.

    A stage before or after the fits is named as a method, in the setting ``all``.
    """
    dataset, setting, name, companion = KIND.fullmatch(usage).groups()
    return dataset, setting or STAGE, name + (companion or "")


def hash_settings(config: Mapping, dataset: str, method: str) -> str:
    """Hash of all that a config says about how long one job of a kind takes.

    Repeats are left out: they are jobs of their own.

    Parameters
    ----------
    config : mapping
        The whole config, with its defaults.
    dataset, method : str
        As `job_kind` names them.
    """
    base = base_method(method)
    said = {key: config[key] for key in ("protocol", "adjust", "qc")}
    said["folds"] = {k: v for k, v in config["folds"].items() if k != "repeats"}
    said["dataset"] = config["registry"][dataset]
    if base in METHODS:
        own = config.get(METHODS[base].get("section", base), {})
        variants = config["ablations"]
        changes = variants.get(method, variants.get(fitted_as(method), {}))
        said["method"] = {**own, **changes}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


def hash_kinds(kinds: pd.DataFrame, config: Mapping) -> list[str]:
    """`hash_settings` of each row of a table with columns dataset and method."""
    pairs = zip(kinds["dataset"], kinds["method"], strict=True)
    return [hash_settings(config, dataset, method) for dataset, method in pairs]


def measured_costs(
    results: str | Path, config: Mapping | None = None, machine: str = HERE
) -> pd.DataFrame:
    """Time and memory of the jobs whose usage files lie in a run's results.

    Parameters
    ----------
    results : path
        The run's results folder.
    config : mapping, optional
        The run's whole config, which is hashed into `settings`; other datasets, left
        by runs of other configs, are left out.
    machine : str
        Class of the machine that ran it.

    Returns
    -------
    DataFrame
        dataset, setting, method, device (``cpu`` or ``card``), n_jobs, seconds and
        cpu_seconds (means of one job), longest_seconds, peak_mb (`grvsnn.base.usage`),
        settings, machine.
    """
    rows = [
        (*job_kind(path.as_posix()), *_read_job(path, Path(results)))
        for path in sorted((Path(results) / "benchmarks").rglob("*.json"))
    ]
    if config:
        rows = [row for row in rows if row[0] in config["datasets"]]
    table = _mean_kinds(rows)
    settings = hash_kinds(table, config) if config else ""
    return table.assign(settings=settings, machine=machine)


def _read_job(path: Path, results: Path) -> tuple[str, float, float, float]:
    facts = results / path.relative_to(results / "benchmarks").with_suffix("")
    facts /= "fits.json"
    folds = read_json(facts)["folds"] if facts.exists() else []
    on_card = any(fold.get("device", "cpu") != "cpu" for fold in folds)
    used = read_usage(path)
    device = "card" if on_card else "cpu"
    return device, used.seconds, used.cpu_seconds, used.peak_mb


def _mean_kinds(rows: Iterable[tuple]) -> pd.DataFrame:
    columns = [*KEYS, "device", "seconds", "cpu_seconds", "peak_mb"]
    kinds = pd.DataFrame(rows, columns=columns).groupby([*KEYS, "device"], sort=False)
    table = kinds.agg(
        n_jobs=("seconds", "size"),
        seconds=("seconds", "mean"),
        cpu_seconds=("cpu_seconds", "mean"),
        longest_seconds=("seconds", "max"),
        peak_mb=("peak_mb", "max"),
    )
    return table.reset_index().round(1)


def read_costs(path: Path) -> pd.DataFrame:
    """Read the table that `renew_costs` keeps; empty where there is none yet."""
    if not path.exists():
        return measured_costs(path.parent / "none")
    return pd.read_csv(path, dtype={"settings": str})


def renew_costs(before: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Replace the kinds of job that were measured again; the others stay.

    Jobs of other settings are of another kind: a run with unadjusted traits leaves
    what is known of adjusted ones.
    """
    kinds = [*KEYS, "device", "settings"]
    again = pd.MultiIndex.from_frame(before[kinds]).isin(
        pd.MultiIndex.from_frame(measured[kinds])
    )
    renewed = pd.concat([before[~again], measured]) if len(before) else measured
    return renewed.sort_values(kinds, ignore_index=True)


def of_own_settings(costs: pd.DataFrame, config: Mapping) -> pd.DataFrame:
    """Costs of the kinds of job that ran with a config's own settings."""
    return costs[costs["settings"] == hash_kinds(costs, config)]
