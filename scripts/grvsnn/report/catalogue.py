"""Which results a run has: their titles, topics and places in the paper."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grvsnn.labels import dataset_label, in_order, plain_label

SUMMARY = "summary"


@dataclass(frozen=True)
class Result:
    """One sort of table or figure.

    Parameters
    ----------
    topic : str
        Heading that it stands under.
    title : str
        Its title, a dataset's name left out.
    paper : str
        Its place in the paper; empty where the paper has no such result.
    caption : str
        Stem of a figure's caption in workflow/report, if it is not the figure's own.
    """

    topic: str
    title: str
    paper: str = ""
    caption: str = ""


RESULTS: Mapping[str, Result] = {
    "tables/qc": Result("Genotypes", "Quality of the genotypes"),
    "figures/qc": Result("Genotypes", "What the checks looked at", caption="qc_figure"),
    "figures/accuracy": Result("Accuracy", "Correlation by method"),
    "tables/performance": Result(
        "Accuracy", "Accuracy and selected features", "Tables 1 to 3"
    ),
    "tables/dcor": Result("Accuracy", "Distance correlation", "Table 4"),
    "figures/true_vs_predicted": Result(
        "Accuracy", "Observed against predicted", "Figure 1"
    ),
    "figures/calibration": Result("Accuracy", "Calibration slope", caption="accuracy"),
    "tables/calibration": Result("Accuracy", "Calibration and ranking"),
    "figures/learning_curve": Result("Accuracy", "Learning curves"),
    "tables/learning_curve": Result("Accuracy", "Learning curves, in numbers"),
    "figures/reported": Result(
        "Accuracy", "Reported and reproduced", "Reported beside ours"
    ),
    "figures/comparison": Result("Comparison", "Differences from the best method"),
    "tables/comparison": Result("Comparison", "Tests between methods"),
    "tables/pedigree": Result("Comparison", "What the pedigree adds", "Ablations"),
    "tables/parts": Result("Comparison", "What GRVSNN+ is made of"),
    "figures/ablation": Result("Comparison", "Variants of methods", "Ablations"),
    "tables/ablation": Result("Comparison", "Variants, in numbers", "Ablations"),
    "figures/accuracy_breeding": Result(
        "Simulated truth", "Correlation with breeding values", caption="accuracy"
    ),
    "figures/accuracy_genetic": Result(
        "Simulated truth", "Correlation with genetic values", caption="accuracy"
    ),
    "tables/truth": Result("Simulated truth", "Accuracy and true QTL"),
    "figures/importance": Result("Loci", "Importance along the map"),
    "figures/curves": Result("Loci", "Additive or not: top loci"),
    "tables/selection": Result("Loci", "Rules of selection"),
    "figures/stability": Result("Loci", "Stability of selections"),
    "tables/stability": Result("Loci", "Stability, in numbers"),
    "figures/intervals": Result("Uncertainty", "Coverage of prediction intervals"),
    "tables/intervals": Result("Uncertainty", "Coverage and width"),
    "tables/convergence": Result("Uncertainty", "Convergence of samplers"),
    "figures/training": Result("Uncertainty", "How the networks trained"),
    "figures/accuracy_minutes": Result("Time", "Accuracy and minutes"),
    "tables/minutes": Result("Time", "Minutes", "Table 5"),
    "tables/resources": Result("Time", "Memory and hours, by stage"),
    "figures/scree": Result("Pedigree", "Scree plots", "Figure 2"),
    "tables/reproduced": Result(
        "Audit", "Every reported number beside ours", "Reported beside ours"
    ),
    "figures/optimism": Result("Audit", "Leakage of the published protocol"),
    "tables/optimism": Result("Audit", "Training size and leakage"),
    "tables/feasibility": Result("Audit", "Feasibility"),
    "tables/findings": Result("Audit", "Findings"),
    "tables/handed": Result("Audit", "Animals that fits were handed"),
    "tables/sentinel": Result("Audit", "Permuted phenotypes"),
}

PAPER_TABLES = {"pine": "Table 1", "mouse": "Table 2", "pig": "Table 3"}
PLACES = [
    *PAPER_TABLES.values(),
    "Tables 1 to 3",
    "Table 4",
    "Table 5",
    "Figure 1",
    "Figure 2",
    "Ablations",
    "Reported beside ours",
]


@dataclass(frozen=True)
class Entry:
    """One table or figure of a run and its files.

    Parameters
    ----------
    scope : str
        Its dataset, or ``summary`` where it is of all datasets.
    key : str
        ``tables/<name>`` or ``figures/<name>``.
    files : mapping of str to Path
        Suffix (csv, tex, html; png, svg) to file.
    """

    scope: str
    key: str
    files: Mapping[str, Path]

    @property
    def result(self) -> Result:
        """What is known of its sort; an unlisted one is named by its file."""
        unlisted = Result("Further results", plain_label(self.name))
        return RESULTS.get(self.key, unlisted)

    @property
    def name(self) -> str:
        """Stem of its files."""
        return self.key.rpartition("/")[2]

    @property
    def is_table(self) -> bool:
        """Whether it is a table, else a figure."""
        return self.key.startswith("tables/")

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return f"{self.scope}-{self.key.replace('/', '-')}"

    @property
    def paper(self) -> str:
        """Its place in the paper, or the one whose layout it has."""
        if self.key == "tables/performance":
            return PAPER_TABLES.get(self.scope, self.result.paper)
        return self.result.paper


def find_entries(paths: Iterable[str | Path]) -> list[Entry]:
    """Group the files ``<scope>/<tables or figures>/<name>.<suffix>`` of a run.

    Returns
    -------
    list of Entry
        By scope as met, the summary last, and in the catalogue's order within one;
        unlisted results follow.
    """
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for path in map(Path, paths):
        key = (path.parts[-3], f"{path.parts[-2]}/{path.stem}")
        found.setdefault(key, {})[path.suffix[1:]] = path
    scopes = sorted(dict.fromkeys(scope for scope, _ in found), key=SUMMARY.__eq__)
    return [
        Entry(scope, key, found[scope, key])
        for scope in scopes
        for key in in_order((k for s, k in found if s == scope), RESULTS)
    ]


def scope_label(scope: str) -> str:
    """Heading of a dataset's results, or of those of all datasets."""
    return "Across datasets" if scope == SUMMARY else dataset_label(scope)
