"""A table as a LaTeX environment that needs the package booktabs only."""

from collections.abc import Iterable

from grvsnn.tables.layout import Row, Table

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
    }
)


def escape(text: str) -> str:
    """Escape text for LaTeX; the few symbols used here become mathematics."""
    return text.translate(_ESCAPES)


def render(table: Table, caption: str, label: str = "") -> str:
    r"""Render a table environment to \input into a document.

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
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{escape(text)}}}",
        *([rf"\label{{{label}}}"] if label else []),
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *_span_lines(table.spans(), heads),
        _line(map(escape, [*table.headings, *table.column_titles])),
        r"\midrule",
        *(line for row in table.rows() for line in _row_lines(row)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


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
