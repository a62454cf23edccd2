"""What fits.json files say: who made the fits, how long it took, what converged."""

from collections.abc import Iterable, Mapping

import pandas as pd

from grvsnn.base.names import base_method

KEYS = ["dataset", "setting", "method"]


MAX_RHAT = 1.05


MIN_SIZE = 100
"""Bounds beyond which tables ask for longer chains."""


def backend(fit: Mapping) -> str:
    """Name the software that made a fit, with its version."""
    fold, versions = fit["folds"][0], fit.get("versions", {})
    if "backend" in fold:
        return f"{fold['backend']} {fold.get('version', '')}".strip()
    method = base_method(fit["method"])
    package = method if method in versions else "grvsnn"
    return f"{package} {versions.get(package, '')}".strip()


def fit_facts(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Collect who made every fit, and in how many runs chains have not converged.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files.

    Returns
    -------
    DataFrame
        dataset, setting, method, trait (empty for methods without chains), backend
        (several joined by a semicolon) and n_unconverged (runs).
    """
    rows = [
        (*(fit[key] for key in KEYS), trait, backend(fit), _is_unconverged(traced))
        for fit in fits
        for fold in fit["folds"]
        for trait, traced in (fold.get("variances") or {"": {}}).items()
    ]
    frame = pd.DataFrame(rows, columns=[*KEYS, "trait", "backend", "n_unconverged"])
    found = frame.groupby([*KEYS, "trait"], sort=False, as_index=False)
    return found.agg({"backend": _join, "n_unconverged": "sum"})


def _is_unconverged(traced: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether any monitored quantity but the residual variance is out of bounds."""
    return any(
        not (facts["rhat"] <= MAX_RHAT and facts["ess"] >= MIN_SIZE)
        for name, facts in traced.items()
        if name != "varE" and "ess" in facts
    )


def _join(names: Iterable[str]) -> str:
    """Join names, some of them joined before."""
    parts = {part for name in names for part in name.split("; ")}
    return "; ".join(sorted(parts - {""}))


def runtime_frame(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Collect wall-clock time and memory of every job.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, minutes (all folds of the repeat),
        n_threads, peak_memory_mb.
    """
    rows = [
        {name: fit[name] for name in (*KEYS, "repeat")}
        | {
            "minutes": fit["seconds"] / 60,
            "n_threads": fit.get("n_threads"),
            "peak_memory_mb": fit.get("peak_memory_mb"),
        }
        for fit in fits
    ]
    return pd.DataFrame(
        rows, columns=[*KEYS, "repeat", "minutes", "n_threads", "peak_memory_mb"]
    )
