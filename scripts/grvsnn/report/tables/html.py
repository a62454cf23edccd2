"""A table as HTML without script or outside file, light and dark: a page of its own."""

from pathlib import Path

import jinja2

from grvsnn.base.errors import InputError
from grvsnn.report.tables.layout import Table

STYLE = """:root { color-scheme: light dark; --ink: #1f2328; --muted: #59636e;
  --page: #fff; --rule: #1f2328; --hair: #d1d9e0; --stripe: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --muted: #9ba6b1;
  --page: #0d1117; --rule: #e6edf3; --hair: #3d444d;
  --stripe: #161b22; } }
figure { margin: 0; }
figcaption { max-width: 52rem; margin-bottom: .8rem; }
figcaption b { display: block; font-size: 1.1em; }
figcaption span { color: var(--muted); font-size: .92em; }
.scroll { overflow-x: auto; }
/* collapsed borders would stay behind when a sticky cell moves */
table { border-collapse: separate; border-spacing: 0; border-top: 2px solid var(--rule);
  border-bottom: 2px solid var(--rule); font-variant-numeric: tabular-nums; }
th, td { padding: .3em .8em; vertical-align: top; }
td { white-space: nowrap; }
td.long { white-space: normal; min-width: 16rem; }
th { text-align: left; font-weight: 600; max-width: 11rem; }
tbody th { font-weight: 400; min-width: 5rem; }
tbody th.group { font-weight: 600; }
thead th[scope="col"], thead th[scope="colgroup"], td { text-align: center; }
thead th[scope="colgroup"] { border-bottom: 1px solid var(--hair); }
thead th { vertical-align: bottom; }
thead th.head { text-align: left; }
thead tr:last-child th, thead th.head { border-bottom: 1px solid var(--rule); }
/* the row's own name stays in sight while its numbers scroll */
tbody th.name, thead th.name { position: sticky; left: 0; z-index: 1;
  background: var(--page); }
tr.opens > * { border-top: 1px solid var(--hair); }
tbody tr:hover > td { background: var(--stripe); }
"""
"""CSS of a table's figure, and the colours that a page around it can use."""

FONT = '15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'

_FIGURE = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
    """<figure>
<figcaption><b>{{ caption }}</b>
{% if table.note %}
<span>{{ table.note }}</span>
{% endif %}
</figcaption>
<div class="scroll" tabindex="0" role="region" aria-label="{{ caption }}">
<table>
<thead>
{% if spans %}
<tr>
{% for head in table.headings %}
<th class="head{{ ' name' if loop.last }}" scope="col" rowspan="2">{{ head }}</th>
{% endfor %}
{% for text, size in spans %}
<th scope="colgroup" colspan="{{ size }}">{{ text }}</th>
{% endfor %}
</tr>
{% endif %}
<tr>
{% for head in table.headings if not spans %}
<th class="head{{ ' name' if loop.last }}" scope="col">{{ head }}</th>
{% endfor %}
{% for title in table.column_titles %}
<th scope="col">{{ title }}</th>
{% endfor %}
</tr>
</thead>
<tbody>
{% for row in table.rows() %}
<tr{% if row.opens %} class="opens"{% endif %}>
{% for text, size in row.heads %}
<th scope="{{ 'rowgroup' if size > 1 else 'row' }}" rowspan="{{ size }}"
{%- if loop.last %} class="name"
{%- elif loop.first and not row.repeated %} class="group"
{%- endif %}>{{ text }}</th>
{% endfor %}
{% for text, bold in row.cells %}
<td{% if text | length > 45 %} class="long"{% endif %}>
{%- if bold %}<b>{{ text }}</b>{% else %}{{ text }}{% endif %}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
</figure>
"""
)

_PAGE = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ caption }}</title>
<style>
{{ style | safe }}body { margin: 1.2rem; background: var(--page); color: var(--ink);
  font: {{ font | safe }}; }
</style>
</head>
<body>
{{ figure | safe }}</body>
</html>
"""
)


def render(table: Table, caption: str) -> str:
    """Render a page; `caption` and every cell are plain text, escaped here."""
    figure = render_figure(table, caption)
    page = _PAGE.render(caption=caption, figure=figure, style=STYLE, font=FONT)
    return page + "\n"


def render_figure(table: Table, caption: str) -> str:
    """Render the figure element alone, for a page that has `STYLE`."""
    figure = _FIGURE.render(table=table, spans=table.spans(), caption=caption)
    return figure + "\n"


def read_figure(path: str | Path) -> str:
    """Return the figure element of a page that `render` made."""
    text = Path(path).read_text(encoding="utf-8")
    start, end = text.find("<figure>"), text.rfind("</figure>")
    if start < 0 or end < 0:
        raise InputError(f"{path}: not a table's page; delete it and run again")
    return text[start:end] + "</figure>\n"
