"""Which results a run has: their titles, topics and places in the paper."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grvsnn.base.labels import dataset_label, in_order, plain_label
from grvsnn.base.registry import read_registry

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
        Stem of its caption in workflow/report.
    """

    topic: str
    title: str
    paper: str = ""
    caption: str = ""


RESULTS: Mapping[str, Result] = {
    key: Result(
        entry["topic"],
        entry["title"],
        entry.get("paper", ""),
        entry.get("words", key.partition("/")[2]),
    )
    for key, entry in read_registry("results")["results"].items()
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
