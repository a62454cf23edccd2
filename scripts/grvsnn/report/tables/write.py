"""One table, several files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from grvsnn.base.errors import InputError
from grvsnn.base.files import write_text
from grvsnn.report.tables import html, latex, markdown
from grvsnn.report.tables.facts import read_facts, with_facts
from grvsnn.report.tables.layout import Table


def write_table(
    table: Table,
    paths: Sequence[str | Path],
    caption: str,
    label: str = "",
    facts: str | Path | Iterable[str | Path] = (),
) -> None:
    r"""Write a table atomically to every path, in the format of its suffix.

    Parameters
    ----------
    table : Table
        What to write.
    paths : sequence of path
        .csv (the tidy numbers at full precision), .tex (a table environment to
        \input), .html (a page of its own) or .md (GitHub's Markdown).
    caption : str
        Title of the table, plain text; the table's note follows it.
    label : str
        LaTeX label.
    facts : path or iterable of path
        Files of what is known of the fits behind the table:
        `grvsnn.report.tables.facts`.
    """
    if facts:
        table = with_facts(table, read_facts(facts))
    for path in map(Path, paths):
        write_text(_render(table, path, caption, label), path)


def _render(table: Table, path: Path, caption: str, label: str) -> str:
    match path.suffix:
        case ".csv":
            return table.numbers.to_csv(index=False, lineterminator="\n")
        case ".tex":
            return latex.render(table, caption, label)
        case ".html":
            return html.render(table, caption)
        case ".md":
            return markdown.render(table, caption)
    raise InputError(f"{path}: a table is written as .csv, .tex, .html or .md")
