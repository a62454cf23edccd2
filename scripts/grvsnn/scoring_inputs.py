"""What the scoring scripts read beside predictions: fits by method, and true QTL."""

from collections.abc import Iterable

from grvsnn.files import read_parquet
from grvsnn.genotypes import read_genotypes
from grvsnn.selection import TrueQtl

KEYS = ["dataset", "setting", "method", "repeat", "fold", "trait"]


def by_fit(paths: Iterable[str]) -> dict[str, list[str]]:
    """Group the repeats of one setting and method, so that few are in memory."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(path.rsplit("/", 2)[0], []).append(path)
    return groups


def read_true_qtl(job) -> TrueQtl | None:
    """QTL of a simulated population and the map to hold selections against."""
    if not job.input.get("true_qtl"):
        return None
    _, _, marker_map = read_genotypes(job.input.bed)
    return TrueQtl(
        read_parquet(job.input.true_qtl), marker_map, job.params.window_cm, "cm"
    )
