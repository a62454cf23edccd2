"""A table as a LaTeX environment: booktabs, and longtable beyond a page."""

from collections.abc import Iterable

from grvsnn.report.tables.layout import Row, Table

PAGE = 60
"""Rows beyond which a table is broken over pages."""

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{character: "\\" + character for character in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"$<$",
        ">": r"$>$",
        "|": r"$|$",
        "±": r"$\pm$",
        "−": r"$-$",
        "–": "--",
        "×": r"$\times$",
        "≥": r"$\ge$",
        "≤": r"$\le$",
        "π": r"$\pi$",
        "λ": r"$\lambda$",
        "ρ": r"$\rho$",
        "Δ": r"$\Delta$",
        "†": r"$\dagger$",
    }
)


def escape(text: str) -> str:
    """Escape text for LaTeX; the few symbols used here become mathematics."""
    return text.translate(_ESCAPES)


def render(table: Table, caption: str, label: str = "") -> str:
    r"""Render a table environment to \input into a document; longtable beyond `PAGE`.

    Parameters
    ----------
    table : Table
    caption : str
        Plain text; escaped here, like every cell.
    label : str
        Target of \ref; left out when empty.
    """
    heads = len(table.headings)
    columns = "l" * heads + "c" * len(table.column_titles)
    text = f"{caption.rstrip('.')}. {table.note}".strip()
    title = [
        rf"\caption{{{escape(text)}}}",
        *([rf"\label{{{label}}}"] if label else []),
    ]
    head = [
        r"\toprule",
        *_span_lines(table.spans(), heads),
        _line(map(escape, [*table.headings, *table.column_titles])),
        r"\midrule",
    ]
    body = [line for row in table.rows() for line in _row_lines(row)]
    frame = _long if len(table.cells) > PAGE else _float
    return "\n".join(frame(columns, title, head, body)) + "\n"


def _float(
    columns: str, title: list[str], head: list[str], body: list[str]
) -> list[str]:
    return [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering",
        *title,
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{{columns}}}",
        *head,
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def _long(
    columns: str, title: list[str], head: list[str], body: list[str]
) -> list[str]:
    """Break a table that no page holds, its head repeated on each."""
    return [
        r"% needs \usepackage{booktabs,longtable}",
        r"\begingroup",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{{columns}}}",
        *title,
        r"\\",
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *body,
        r"\end{longtable}",
        r"\endgroup",
    ]


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _span_lines(spans: list[tuple[str, int]], heads: int) -> list[str]:
    """Spanning titles and the rules below them."""
    if not spans:
        return []
    titles = [rf"\multicolumn{{{size}}}{{c}}{{{escape(text)}}}" for text, size in spans]
    rules, first = [], heads + 1
    for _, size in spans:
        rules.append(rf"\cmidrule(lr){{{first}-{first + size - 1}}}")
        first += size
    return [_line([""] * heads + titles), " ".join(rules)]


def _row_lines(row: Row) -> list[str]:
    heads = [""] * row.repeated + [escape(text) for text, _ in row.heads]
    cells = [
        rf"\textbf{{{escape(text)}}}" if bold else escape(text)
        for text, bold in row.cells
    ]
    return [*([r"\addlinespace"] if row.opens else []), _line([*heads, *cells])]
