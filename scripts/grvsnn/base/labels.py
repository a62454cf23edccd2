"""Names, order and direction of everything that tables and figures print."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from grvsnn.base.names import base_method
from grvsnn.base.registry import read_registry


@dataclass(frozen=True)
class Metric:
    """How a metric is shown and read.

    Parameters
    ----------
    label : str
        Name in tables and on axes.
    better : {"high", "low", "one", "zero"} or None
        Which value is the best; None when there is none.
    axis : str
        Longer name with its unit, for an axis.
    """

    label: str
    better: str | None = None
    axis: str = ""


METHODS: Mapping[str, Mapping] = read_registry("methods")
"""Entries of the registry, in display order."""
SAMPLED = tuple(n for n, entry in METHODS.items() if "chains" in entry.get("gives", ()))
"""Bayesian methods, whose backend tables name."""

SETTINGS: Mapping[str, str] = {
    "markers": "Genomic markers",
    "markers_pedigree": "Genomic markers and pedigree loadings",
    "pedigree": "Pedigree loadings",
}

SETTINGS_SHORT: Mapping[str, str] = {
    "markers": "markers",
    "markers_pedigree": "markers + pedigree",
    "pedigree": "pedigree",
}

DATASETS: Mapping[str, str] = {
    "embedded": "Embedded population",
    "nonadditive": "Non-additive population",
    "additive": "Its additive twin",
    "pine": "Loblolly pine",
    "pine_dbh": "Loblolly pine (DBH)",
    "pine_easygese": "Loblolly pine (EasyGeSe)",
    "mouse": "Mouse",
    "pig": "Pig",
}

TRAITS: Mapping[str, str] = {"bmi": "BMI", "dbh": "DBH"}

METRICS: Mapping[str, Metric] = {
    "mse": Metric("MSE", "low", "MSE (training variances)"),
    "r": Metric("r", "high", "Pearson r, predicted and observed"),
    "dcor": Metric("dCor", "high", "Distance correlation"),
    "dcor_chance": Metric("dCor, chance level"),
    "slope": Metric("Slope", "one", "Calibration slope, observed on predicted"),
    "intercept": Metric("Intercept", "zero", "Calibration intercept (training SD)"),
    "spearman": Metric("Spearman", "high", "Spearman rank correlation"),
    "top10": Metric("Top 10 %", "high", "Top 10 % hit rate"),
    "auc": Metric("AUC", "high", "Area under the ROC curve"),
    "coverage": Metric("Coverage", None, "Coverage of the prediction intervals"),
    "interval_width": Metric("Width", None, "Width of the intervals (training SD)"),
    "accuracy_genetic": Metric(
        "r, genetic value", "high", "Pearson r, predicted and true genetic value"
    ),
    "accuracy_breeding": Metric(
        "r, breeding value", "high", "Pearson r, predicted and true breeding value"
    ),
    "precision": Metric("Precision", "high"),
    "recall": Metric("Recall", "high"),
    "fdr": Metric("FDR", "low"),
    "f1": Metric("F1", "high"),
    "variance_window": Metric("QTL variance tagged", "high"),
    "precision_window": Metric("Precision", "high"),
    "recall_window": Metric("Recall", "high"),
    "fdr_window": Metric("FDR", "low"),
    "f1_window": Metric("F1", "high"),
    "improvement": Metric("MSE improvement by loadings, %", "high"),
    "best_epoch": Metric("Epochs to best", "low"),
    "epochs": Metric("Epochs", "low"),
    "stability": Metric("Stability [95 %]", "high"),
    "n_selected": Metric("# features selected"),
    "n_selected_markers": Metric("# markers selected"),
    "n_selected_loadings": Metric("# loadings selected"),
}

PARTS: Mapping[str, str] = {
    "reml": "Mixed model (REML)",
    "markers": "Its kernel of markers",
    "loadings": "Its kernel of loadings",
    "relatives": "Its kernel of relatives",
    "residual": "Its residual",
}

RULES: Mapping[str, str] = {
    "raw": "z' ≥ 0.05, the paper's raw rule",
    "pip": "PIP ≥ 0.5",
    "bfdr": "Bayesian FDR 5 %",
}

GAP = "–"
ALL_TRAITS = "all_traits"


def method_label(name: str) -> str:
    """Label of a method or of its variant; an unlisted one keeps its own name."""
    base, _, variant = name.partition("-")
    label = METHODS[base]["label"] if base in METHODS else base
    return f"{label}, {variant.replace('_', ' ')}" if variant else label


def part_label(name: str) -> str:
    """Label of a part or kernel of GRVSNN+; a trained part is named by its scales."""
    return PARTS.get(name) or f"Trained, {name}"


def rule_label(method: str, rule: str) -> str:
    """Label of a rule of selection; ``own`` is named by what the method does."""
    if rule != "own":
        return RULES.get(rule, rule)
    return METHODS.get(base_method(method), {}).get("selects", "its own")


def method_selects(name: str) -> bool:
    """Tell whether a method selects features; an unlisted one is taken to."""
    return name not in METHODS or "selects" in METHODS[name]


def is_own(method: str) -> bool:
    """Tell this project's networks, and their variants, from their opponents."""
    return METHODS.get(base_method(method), {}).get("own", False)


def dataset_label(name: str) -> str:
    """Label of a dataset; an unlisted one has its underscores opened."""
    return DATASETS.get(name) or plain_label(name)


def trait_label(name: str) -> str:
    """Label of a trait; an unlisted one has its underscores opened."""
    return TRAITS.get(name) or plain_label(name)


def setting_label(name: str, short: bool = False) -> str:
    """Label of a setting, e.g. for a table's spanning header or (short) a legend."""
    return (SETTINGS_SHORT if short else SETTINGS).get(name) or plain_label(name)


def metric_label(name: str) -> str:
    """Label of a metric."""
    return METRICS[name].label if name in METRICS else plain_label(name)


def metric_axis(name: str) -> str:
    """Axis label of a metric, with its unit."""
    return (METRICS[name].axis if name in METRICS else "") or metric_label(name)


def plain_label(name: str) -> str:
    """Open underscores and raise the first letter: ``body_length`` -> Body length."""
    text = str(name).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def in_order(values: Iterable[str], known: Iterable[str]) -> list[str]:
    """Distinct `values`: those in `known` by its order, then the others as met."""
    present = list(dict.fromkeys(values))
    known = list(known)
    listed = [name for name in known if name in present]
    return listed + [name for name in present if name not in known]


def methods_in(frame: pd.DataFrame) -> list[str]:
    """Return the methods of a table, in display order."""
    return in_order(frame["method"], METHODS)


def settings_in(frame: pd.DataFrame) -> list[str]:
    """Return the settings of a table, in display order."""
    return in_order(frame["setting"], SETTINGS)


def datasets_in(frame: pd.DataFrame) -> list[str]:
    """Return the datasets of a table, in display order."""
    return in_order(frame["dataset"], DATASETS)


def traits_in(frame: pd.DataFrame) -> list[str]:
    """Return the traits of a table as first met, which is the data's order."""
    met = list(dict.fromkeys(frame["trait"]))
    return sorted(met, key=lambda name: name == ALL_TRAITS)
