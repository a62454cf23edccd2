"""A finished run as one page of Markdown: tables, where they came from, how long."""

import os
import platform
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import yaml

from grvsnn.base.errors import InputError
from grvsnn.base.files import read_json, read_parquet
from grvsnn.base.labels import (
    METHODS,
    SAMPLED,
    dataset_label,
    method_label,
    setting_label,
)
from grvsnn.base.names import base_method
from grvsnn.planning.estimate import duration
from grvsnn.report.tables import markdown
from grvsnn.report.tables.ablation import variants_table
from grvsnn.report.tables.comparisons import comparison_table
from grvsnn.report.tables.held_out import held_out_table
from grvsnn.report.tables.learning_curve import shares_table
from grvsnn.report.tables.optimism import cells_table
from grvsnn.report.tables.parts import parts_table
from grvsnn.report.tables.runs import convergence_table, minutes_table
from grvsnn.report.tables.scores import performance_table
from grvsnn.scoring.fits import backend, runtime_frame

SHOWN = ("settings", "methods", "protocol", "adjust", "seed", "folds")


def machine_class() -> str:
    """Cores and instruction set of this machine, e.g. 2 cores, x86-64 with AVX-512."""
    cores = os.cpu_count() or 1
    name = platform.machine().replace("x86_64", "x86-64")
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.exists() else ""
    known = (("avx512f", "AVX-512"), ("avx2", "AVX2"))
    best = next((label for flag, label in known if f" {flag} " in flags), "")
    plural = "core" if cores == 1 else "cores"
    return f"{cores} {plural}, {name}" + (f" with {best}" if best else "")


def add_machine(parser: ArgumentParser) -> None:
    """Let a script be told the class of the machine that ran what it reads."""
    parser.add_argument(
        "--machine",
        default=machine_class(),
        help="class of the machine that ran it (default: this one, %(default)s)",
    )


def read_fits(results: Path, config: Mapping) -> list[dict]:
    """Facts of every fit of a config's benchmark, in its order.

    Raises
    ------
    InputError
        A fit is missing: the run is not finished.
    """
    paths = [
        results / dataset / setting / method / f"repeat-{repeat}" / "fits.json"
        for dataset in config["datasets"]
        for setting in config["settings"]
        for method in config["methods"]
        if setting in METHODS[method].get("settings", config["settings"])
        for repeat in range(1, config["folds"]["repeats"] + 1)
    ]
    absent = [path for path in paths if not path.exists()]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(paths)} fits are missing, e.g. {absent[0]}: "
            "finish the run first"
        )
    return [read_json(path) for path in paths]


def reference_page(results: Path, config: Mapping, name: str, machine: str) -> str:
    """Write a finished run up.

    Parameters
    ----------
    results : path
        The run's results folder.
    config : mapping
        The whole config, with its defaults.
    name : str
        Config file that the run was made with.
    machine : str
        Class of the machine that ran it.
    """
    fits = read_fits(results, config)
    parts = [_opening(results, config, name, machine), _versions(fits)]
    for dataset in config["datasets"]:
        mine = [fit for fit in fits if fit["dataset"] == dataset]
        parts += [f"## {dataset_label(dataset)}", _sources(results / dataset)]
        parts += _tables(results / dataset, dataset, mine, config)
    minutes = minutes_table(runtime_frame(fits))
    parts += ["## Time", markdown.render(minutes, "Minutes for one cross-validation")]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _opening(results: Path, config: Mapping, name: str, machine: str) -> str:
    finished = (results / "summary/scores.parquet").stat().st_mtime
    day = datetime.fromtimestamp(finished, UTC).date().isoformat()
    science = {key: config[key] for key in SHOWN}
    text = yaml.safe_dump(science, sort_keys=False, default_flow_style=None)
    return (
        f"# Results of `{name}`\n\n"
        f"Finished on {day}, on {machine}. Written by `scripts/write_reference.py` "
        f"from the run's own files.\n\n```yaml\n{text.strip()}\n```"
    )


def _versions(fits: Iterable[Mapping]) -> str:
    versions: dict[str, set[str]] = {}
    backends: dict[str, set[str]] = {}
    for fit in fits:
        for package, version in fit["versions"].items():
            versions.setdefault(package, set()).add(version)
        backends.setdefault(base_method(fit["method"]), set()).add(backend(fit))
    found = ", ".join(f"{k} {'/'.join(sorted(v))}" for k, v in versions.items())
    made = ", ".join(
        f"{method_label(k)} by {'/'.join(sorted(v))}" for k, v in backends.items()
    )
    return f"Versions: {found}.\n\nMade by: {made}."


def _sources(folder: Path) -> str:
    facts = read_json(folder / "data/provenance.json")
    steps = "; ".join(
        f"{s['step']}: {s['n_samples']} animals, {s['n_markers']} markers"
        for s in facts["steps"]
    )
    files = [
        f"- `{source['name']}`, sha256 `{source['sha256']}`"
        + (f", {source['url']}" if source.get("url") else "")
        for source in facts["sources"]
        if source.get("sha256")
    ]
    return "\n".join([f"Data: {steps}.", *files])


def _tables(
    folder: Path, dataset: str, fits: Sequence[Mapping], config: Mapping
) -> list[str]:
    scores = read_parquet(folder / "scores.parquet")
    tests = read_parquet(folder / "comparisons.parquet")
    rope = config["evaluation"]["rope"]
    tables = [
        (performance_table(scores, dataset), "Prediction accuracy"),
        (comparison_table(tests, dataset, rope=rope), "Difference from the best"),
    ]
    if plus := [fit for fit in fits if fit["method"] == "grvsnn_plus"]:
        tables.append((parts_table(plus), "Parts of GRVSNN+"))
    if (path := folder / "variants/scores.parquet").exists():
        variants = read_parquet(path)
        changed = config["ablations"]
        changed = {k: changed[k] for k in changed if k in set(variants["method"])}
        both = fits + _read_variants(folder, config, changed)
        table = variants_table(scores, variants, both, changed)
        tables.append((table, "Variants of methods"))
    if any(fit["method"] in SAMPLED for fit in fits):
        tables.append((convergence_table(fits), "Convergence of the samplers"))
    companions = {
        name: path
        for name in ("optimism", "learning_curve")
        if (path := folder / name / "scores.parquet").exists()
    }
    if companions:
        folds = read_parquet(folder / "folds.parquet")
    if "optimism" in companions:
        varied = folder / "variants/scores.parquet"
        table = cells_table(
            scores,
            read_parquet(companions["optimism"]),
            folds,
            read_parquet(varied) if varied.exists() else None,
        )
        tables.append((table, "Training size and leakage under the two protocols"))
    if "learning_curve" in companions:
        curves = read_parquet(companions["learning_curve"])
        tables.append((shares_table(scores, curves, folds), "Learning curves"))
    groups = [f"held_{group}" for group in config["held_out"]["groups"]]
    paths = [folder / name / "scores.parquet" for name in groups]
    if paths := [path for path in paths if path.exists()]:
        held = pd.concat(map(read_parquet, paths), ignore_index=True)
        table = held_out_table(scores, held, config["folds"]["scheme"])
        tables.append((table, "Families and environments held out"))
    return [markdown.render(*table) for table in tables]


def _read_variants(
    folder: Path, config: Mapping, variants: Iterable[str]
) -> list[dict]:
    """Facts of the fits of variants, as far as they are there."""
    return [
        read_json(path)
        for setting in config["settings"]
        for name in variants
        for path in sorted((folder / setting / name).glob("repeat-*/fits.json"))
    ]


def summary_line(fits: Sequence[Mapping]) -> str:
    """Say how many fits there were and how long they took one after the other."""
    total = duration(sum(fit["seconds"] for fit in fits))
    places = {setting_label(fit["setting"], short=True) for fit in fits}
    return f"{len(fits)} fits ({', '.join(sorted(places))}), {total} of fitting"
