"""Put a run's tables, figures, methods and verdicts into one self-contained page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pandas as pd

from grvsnn.base.labels import METHODS, dataset_label
from grvsnn.base.names import base_method
from grvsnn.report.catalogue import PLACES, SUMMARY, Entry, find_entries, scope_label
from grvsnn.report.facts import (
    Data,
    about_sentences,
    bayes_sentences,
    data_table,
    is_optimistic,
    made_by,
    protocol_sentence,
    runs_sentence,
    software_table,
)
from grvsnn.report.images import Image, data_uri, embed_image
from grvsnn.report.tables.html import FONT, STYLE, read_figure, render_figure
from grvsnn.report.verdicts import best_table, read_guards

OPENING = "figures/overview"
"""What the page shows before any table."""
DOWNLOADS = {"csv": "CSV", "tex": "LaTeX"}


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Parameters
    ----------
    config : mapping
        The config that it ran with.
    results : sequence of path
        Files of its tables and figures.
    data : sequence of Data
        Its datasets, in the config's order.
    fits : sequence of mapping
        Contents of the benchmark's fits.json files, those of variants too.
    scores, comparisons : DataFrame
        Scores and tests of all datasets.
    """

    config: Mapping
    results: Sequence[str | Path]
    data: Sequence[Data]
    fits: Sequence[Mapping]
    scores: pd.DataFrame
    comparisons: pd.DataFrame


@dataclass(frozen=True)
class Shown:
    """A table or figure as it stands in the page.

    Parameters
    ----------
    entry : Entry
        Which one it is.
    table : str
        Figure element of a table; empty for an image.
    image : Image or None
        The image of a figure.
    caption : str
        Caption of a figure; that of a table is inside its element.
    facts : str
        Size, runs, protocol and software, in one line.
    downloads : sequence of (str, str, str)
        Label, file name and data URI.
    """

    entry: Entry
    table: str
    image: Image | None
    caption: str
    facts: str
    downloads: Sequence[tuple[str, str, str]]

    @property
    def title(self) -> str:
        """Title of a figure, with what it is of."""
        title = self.entry.result.title
        if self.entry.scope == SUMMARY:
            return title
        return f"{title}: {dataset_label(self.entry.scope)}"


def render_report(
    run: Run, template: str | Path, captions: Mapping[str, str | Path]
) -> str:
    """Render the page.

    Parameters
    ----------
    run : Run
        What to show.
    template : path
        Jinja template of the page.
    captions : mapping of str to path
        Captions of figures by name, and the methods paragraph, ``workflow``: plain
        paragraphs with Jinja on ``snakemake.config`` and ``snakemake.wildcards``, and
        in the methods on ``bayes``, which says how the Bayesian methods were fitted,
        ``words``, the methods' names, and ``abouts``, a line on each.
    """
    entries = find_entries(run.results)
    shown = [_show(entry, run, captions) for entry in entries]
    methods = _plain_text(
        captions["workflow"],
        run.config,
        bayes=bayes_sentences(run.fits),
        words={name: entry["words"] for name, entry in METHODS.items()},
        abouts=about_sentences(run.config["methods"]),
    )
    page = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).from_string(Path(template).read_text(encoding="utf-8"))
    return (
        page.render(
            datasets=[dataset_label(one.dataset) for one in run.data],
            runs=runs_sentence(run.config["folds"]),
            optimistic=is_optimistic(run.config["protocol"]),
            methods=[" ".join(text.split()) for text in methods.split("\n\n")],
            opening=[one for one in shown if one.entry.key == OPENING],
            tables=_opening_tables(run),
            guards=read_guards(entries),
            scopes=[
                (scope, scope_label(scope), _by_topic(part))
                for scope, part in groupby(
                    (one for one in shown if one.entry.key != OPENING),
                    key=lambda one: one.entry.scope,
                )
            ],
            places=_by_place(entries),
            label=dataset_label,
            style=STYLE,
            font=FONT,
        )
        + "\n"
    )


def _opening_tables(run: Run) -> dict[str, str]:
    """Tables of the summary and of the methods section, as figure elements."""
    tables = {
        "best": (best_table(run.scores, run.comparisons), "Best methods"),
        "data": (data_table(run.data), "Data"),
        "software": (software_table(run.fits), "Software"),
    }
    return {name: render_figure(*table) for name, table in tables.items()}


def _by_topic(shown: Iterable[Shown]) -> list[tuple[str, list[Shown]]]:
    """Results of one scope under their headings; the catalogue has topics together."""
    return [
        (topic, list(part))
        for topic, part in groupby(shown, key=lambda one: one.entry.result.topic)
    ]


def _by_place(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """Results by the table or figure of the paper that they stand for."""
    found = [entry for entry in entries if entry.paper]
    found.sort(key=lambda entry: PLACES.index(entry.paper))
    return [
        (place, list(part)) for place, part in groupby(found, key=lambda e: e.paper)
    ]


def _show(entry: Entry, run: Run, captions: Mapping[str, str | Path]) -> Shown:
    caption = captions.get(entry.result.caption or entry.name)
    return Shown(
        entry=entry,
        table=read_figure(entry.files["html"]) if entry.is_table else "",
        image=None if entry.is_table else embed_image(entry.files),
        caption=_plain_text(caption, run.config, entry) if caption else "",
        facts=_facts(entry, run),
        downloads=[
            (label, f"{entry.anchor}.{suffix}", data_uri(entry.files[suffix]))
            for suffix, label in DOWNLOADS.items()
            if suffix in entry.files
        ],
    )


def _facts(entry: Entry, run: Run) -> str:
    """Size, runs, protocol and software of a dataset's results or of all."""
    data = [one for one in run.data if entry.scope in (one.dataset, SUMMARY)]
    names = [one.dataset for one in data]
    sizes = [one.sentence() for one in data]
    if len(data) > 1:
        sizes = [f"{dataset_label(one.dataset)}: {one.sentence()}" for one in data]
    return "; ".join(
        [
            *sizes,
            runs_sentence(run.config["folds"]),
            protocol_sentence(run.config["protocol"], entry.name),
            f"made by {made_by(_of_methods(run.fits, names))}",
        ]
    )


def _of_methods(fits: Iterable[Mapping], datasets: Sequence[str]) -> list[Mapping]:
    """Fits of some datasets, those of variants left out."""
    return [
        fit
        for fit in fits
        if fit["dataset"] in datasets and base_method(fit["method"]) == fit["method"]
    ]


def _plain_text(
    path: str | Path, config: Mapping, entry: Entry | None = None, **more: object
) -> str:
    """Fill in a caption as Snakemake's report does, with what that does not know."""
    text = Path(path).read_text(encoding="utf-8")
    wildcards = SimpleNamespace()
    if entry:
        wildcards.dataset, wildcards.figure = scope_label(entry.scope), entry.name
    job = SimpleNamespace(config=config, wildcards=wildcards)
    return jinja2.Template(text).render(snakemake=job, **more).strip()
