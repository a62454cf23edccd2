"""Write what the docs say of the registries and of the library's rooms.

README's table of methods, the tables of parameters in config/README.md and the list of
results come from workflow/methods.yaml and workflow/results.yaml, the drawing of the
rooms from the imports. `--check` writes nothing and fails where a page is not up to
date.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import yaml
from grvsnn.base.files import write_text
from grvsnn.base.registry import read_registry
from grvsnn.run.code_hash import PACKAGE

ROOT = Path(__file__).resolve().parents[1]
BLOCK = r"(<!-- {name}: python scripts/write_docs\.py -->\n).*?(<!-- end of {name} -->)"
FLOORS = (
    ("base",),
    ("pedigree", "protocol"),
    ("genotypes", "simulation", "models"),
    ("datasets", "methods", "estimator", "scoring"),
    ("report", "run"),
    ("planning",),
)
"""Rooms from the lowest floor up, as pyproject.toml has them for import-linter."""


def methods_table() -> str:
    """Markdown table of the methods, in the order of tables and figures."""
    rows = [
        f"| {entry['label']} | `{name}` | {entry['about']} |"
        for name, entry in read_registry("methods").items()
    ]
    return "\n".join(["| method | in a config | what it is |", "|---|---|---|", *rows])


def parameters_table(method: str) -> str:
    """Markdown table of a method's parameters: default, values and meaning."""
    rows = [
        f"| `{key}` | {_cell(rule)} | {_values(rule)} | {rule['description']} |"
        for key, rule in read_registry("methods")[method]["parameters"].items()
    ]
    head = ["| key | default | values | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _cell(rule: Mapping) -> str:
    """Write a default as a config would; none where the method has its own."""
    if "default" not in rule:
        return ""
    return yaml.safe_dump(rule["default"], default_flow_style=True).split("\n")[0]


def _values(rule: Mapping) -> str:
    """Say in words which values a parameter may have."""
    if "oneOf" in rule:
        return " or ".join(map(_values, rule["oneOf"]))
    if "const" in rule:
        return f"`{rule['const']}`"
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"])
    if "$ref" in rule:
        return SHARED[rule["$ref"].rpartition("/")[2]]
    if rule["type"] == "array":
        return f"list, each a {_values(rule['items'])}"
    bounds = [text.format(rule[key]) for key, text in BOUNDS.items() if key in rule]
    words = {"integer": "whole number", "number": "number", "boolean": "true, false"}
    return " ".join([words[rule["type"]], " and ".join(bounds)]).strip()


def results_table() -> str:
    """Markdown table of the tables and figures, by the report's headings."""
    registry = read_registry("results")
    rows = []
    for key, entry in registry["results"].items():
        of_all = registry["jobs"][entry["job"]].get("of") == "all"
        folder = "results/summary" if of_all else "results/&lt;dataset&gt;"
        paper = entry.get("paper", "")
        rows.append(
            f"| {entry['topic']} | {entry['title']} | {folder}/{key} | {paper} |"
        )
    head = ["| heading | result | files | in the paper |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def rooms_drawing() -> str:
    """Mermaid drawing of the rooms, an arrow for each that imports another."""
    library = ROOT / "scripts" / PACKAGE
    files = Counter(path.relative_to(library).parts[0] for path in _modules(library))
    lines = ["```mermaid", "flowchart BT"]
    for floor, rooms in enumerate(FLOORS):
        lines.append(f'  subgraph floor{floor}[" "]')
        lines += [f"    {room}[{room}<br>{files[room]} files]" for room in rooms]
        lines.append("  end")
    lines += [f"  {one} --> {other}" for one, other in sorted(_arrows(library))]
    return "\n".join([*lines, "```"])


def _modules(library: Path) -> list[Path]:
    return [path for path in library.rglob("*.py") if path.parent != library]


def _arrows(library: Path) -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second, but for base."""
    found = set()
    for path in _modules(library):
        room = path.relative_to(library).parts[0]
        text = path.read_text(encoding="utf-8")
        for other in re.findall(rf"^\s*from {PACKAGE}\.(\w+)", text, re.M):
            if other not in (room, "base"):
                found.add((room, other))
    return found


SHARED = {
    "positive": "list of numbers above 0",
    "counts": "list of whole numbers from 1",
    "pair": "two numbers above 0",
    "range": "one or two numbers from 0",
}
"""Words for what several parameters share ($defs of the config's schema)."""
BOUNDS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}
SECTIONS = ("bayes", "lassonet", "lasso", "elastic_net", "rkhs", "lightgbm")
SECTIONS += ("random_forest", "grvsnn", "grvsnn_plus")
PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "methods": ("README.md", methods_table),
    "results": ("docs/reading-the-report.md", results_table),
    "rooms": ("docs/architecture.md", rooms_drawing),
    **{
        f"parameters of {name}": (
            "config/README.md",
            # the three Bayesian methods share a section
            partial(parameters_table, "brr" if name == "bayes" else name),
        )
        for name in SECTIONS
    },
}


def main() -> int:
    """Renew every page, or with --check say which are not up to date."""
    stale = []
    for name, (page, make) in PAGES.items():
        path = ROOT / page
        before, text = path.read_text(encoding="utf-8"), make()
        pattern = re.compile(BLOCK.format(name=name), re.S)
        head, tail = pattern.search(before).groups()
        after = pattern.sub(lambda _, new=f"{head}{text}\n{tail}": new, before)
        if after != before:
            stale.append(page)
            if "--check" not in sys.argv:
                write_text(after, path)
    if "--check" in sys.argv and stale:
        print(f"renew {', '.join(stale)}: python scripts/write_docs.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
