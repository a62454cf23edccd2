"""A table as numbers and as it is printed, and the text of one cell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from grvsnn.base.labels import GAP


@dataclass(frozen=True, eq=False)
class Table:
    """A table as numbers and as it is printed.

    Parameters
    ----------
    numbers : DataFrame
        Tidy numbers at full precision.
    cells : DataFrame of str
        Printed cells. The named index levels are the row headings; columns have one
        level, or two, of which the first spans equal neighbours.
    best : DataFrame of bool
        Which cells are printed bold; shape of `cells`.
    note : str
        What the numbers are; printed below the caption.
    """

    numbers: pd.DataFrame
    cells: pd.DataFrame
    best: pd.DataFrame
    note: str = ""

    @property
    def headings(self) -> list[str]:
        """Titles of the columns of row headings."""
        return [str(name) for name in self.cells.index.names]

    @property
    def column_titles(self) -> list[str]:
        """Titles of the columns of cells."""
        return [str(name) for name in self.cells.columns.get_level_values(-1)]

    def spans(self) -> list[tuple[str, int]]:
        """Text and width of the spanning titles; none when columns have one level."""
        if self.cells.columns.nlevels == 1:
            return []
        return [
            (str(text), len(list(run)))
            for text, run in groupby(self.cells.columns.get_level_values(0))
        ]

    def rows(self) -> Iterator["Row"]:
        """Rows from top to bottom; a repeated heading spans its rows."""
        keys = [key if isinstance(key, tuple) else (key,) for key in self.cells.index]
        for i, key in enumerate(keys):
            same = 0 if i == 0 else _shared(keys[i - 1], key)
            heads = [
                (str(key[level]), _span(keys, i, level))
                for level in range(same, len(key))
            ]
            cells = zip(self.cells.iloc[i], self.best.iloc[i], strict=True)
            yield Row(
                heads=heads,
                repeated=same,
                opens=i > 0 and same == 0 and len(key) > 1,
                cells=[(str(text), bool(best)) for text, best in cells],
            )


def make_table(
    numbers: pd.DataFrame,
    rows: Sequence[tuple[str, ...]],
    headings: Sequence[str],
    columns: Sequence[str] | Sequence[tuple[str, str]],
    cells: Sequence[Sequence[str]],
    best: Sequence[Sequence[bool]] | None = None,
    note: str = "",
) -> Table:
    """Build a `Table` from lists.

    Parameters
    ----------
    numbers : DataFrame
        Tidy numbers.
    rows : sequence of tuple of str
        Row headings, one tuple a row.
    headings : sequence of str
        Titles of the row headings.
    columns : sequence of str or of (str, str)
        Column titles, with the spanning title first where there is one.
    cells, best : nested sequences, shape (n_rows, n_columns)
        Printed cells and which are bold (none by default).
    note : str
        What the numbers are.
    """
    index = pd.MultiIndex.from_arrays(
        [[row[level] for row in rows] for level in range(len(headings))],
        names=headings,
    )
    titles = (
        pd.MultiIndex.from_tuples(columns)
        if len(columns) and isinstance(columns[0], tuple)
        else pd.Index(columns)
    )
    flags = best if best is not None else [[False] * len(columns)] * len(rows)
    return Table(
        numbers=numbers.reset_index(drop=True),
        cells=pd.DataFrame(list(cells), index=index, columns=titles, dtype=object),
        best=pd.DataFrame(list(flags), index=index, columns=titles, dtype=bool),
        note=note.strip(),
    )


@dataclass(frozen=True)
class Row:
    """One printed row.

    Parameters
    ----------
    heads : list of (str, int)
        Row headings that are printed here, and how many rows each spans.
    repeated : int
        How many leading headings are those of the row above.
    opens : bool
        Whether a new group starts here (not in the first row).
    cells : list of (str, bool)
        Text of each cell and whether it is bold.
    """

    heads: list[tuple[str, int]]
    repeated: int
    opens: bool
    cells: list[tuple[str, bool]]


def _shared(above: tuple, key: tuple) -> int:
    """Leading headings that equal those above; the last level always prints."""
    level = 0
    while level < len(key) - 1 and above[level] == key[level]:
        level += 1
    return level


def _span(keys: list[tuple], start: int, level: int) -> int:
    if level == len(keys[start]) - 1:
        return 1
    prefix = keys[start][: level + 1]
    stop = start
    while stop < len(keys) and keys[stop][: level + 1] == prefix:
        stop += 1
    return stop - start


def mean_sd(mean: float, sd: float = float("nan"), digits: int = 3) -> str:
    """Print ``mean ± sd``; the mean alone without an SD, a gap without a mean."""
    text = number(mean, digits)
    return text if pd.isna(sd) or pd.isna(mean) else f"{text} ± {number(sd, digits)}"


def fewer_runs(n: float, runs: int) -> str:
    """Mark of a number over only n of all runs, to be put behind it."""
    return f" (n = {n:.0f})" if 0 < n < runs else ""


def with_interval(value: float, lower: float, upper: float) -> str:
    """Print ``value [lower, upper]``."""
    return f"{number(value)} [{number(lower)}, {number(upper)}]"


def number(value: float, digits: int = 3) -> str:
    """Print a number with a true minus sign, none before a rounded zero."""
    if pd.isna(value):
        return GAP
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def p_value(value: float) -> str:
    """Print a p value or probability to three decimals, small ones as a bound."""
    return "< 0.001" if value < 0.001 else number(value, 3)
