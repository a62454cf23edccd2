"""A table in GitHub's Markdown."""

from grvsnn.report.tables.layout import Table


def render(table: Table, caption: str) -> str:
    """Print a table as Markdown; spanning titles join the titles below them.

    Parameters
    ----------
    table : Table
        What to print.
    caption : str
        Set in bold above it, with the table's note below.
    """
    spans = [text for text, size in table.spans() for _ in range(size)]
    titles = table.column_titles
    if spans:
        titles = [f"{s}: {t}" if s else t for s, t in zip(spans, titles, strict=True)]
    head = [*table.headings, *titles]
    rules = ["---"] * len(table.headings) + ["---:"] * len(titles)
    rows = [
        [""] * row.repeated
        + [text for text, _ in row.heads]
        + [f"**{text}**" if best else text for text, best in row.cells]
        for row in table.rows()
    ]
    lines = [_line(cells) for cells in (head, rules, *rows)]
    note = ["", table.note] if table.note else []
    return "\n".join([f"**{caption}**", "", *lines, *note]) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |"
