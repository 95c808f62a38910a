"""The page: one self-contained HTML file, whose content security policy allows no external resource."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.claims.rows import claims_frame
from bench.core.wording import rounded
from bench.report.figures.inline import inline
from bench.report.figures.style import Image
from bench.report.formats.exports import csv_text
from bench.report.section import Chart, Comparison, Document

SAFE = " ,.;:/()[]{}+-=*!$'@?_~|^"
"""What an address may hold as it is, beside letters and digits."""


@dataclass(frozen=True)
class Embedded:
    """A chart as an element of the page, and its data as an address that carries them."""

    svg: Markup
    csv: str


def html(document: Document, images: Mapping[str, Image]) -> str:
    """Return the report as one self-contained page; `images` maps a chart's name to its rendering."""
    return _page(
        "report.html.j2",
        document=document,
        images={chart.name: _embed(chart, images[chart.name]) for chart in charts(document)},
        summary_csv=_address(csv_text(document.summary)),
        claims_csv=_address(csv_text(claims_frame(document.findings))),
    )


def comparison_html(comparison: Comparison) -> str:
    """Return a comparison as one self-contained page."""
    return _page("comparison.html.j2", document=comparison, images={})


def _page(template: str, **content: object) -> str:
    """Render a template as a page with its style, its script, and a policy that allows only these two."""
    environment = Environment(
        loader=PackageLoader("bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["rounded"] = rounded
    style, script = _part("report.css"), _part("report.js")
    return environment.get_template(template).render(
        **content,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
    )


def charts(document: Document) -> list[Chart]:
    """Return all charts of a report in their order."""
    sections = [document.scores, *(section for chapter in document.chapters for section in chapter.sections)]
    return [section.chart for section in sections if section.chart is not None]


def _part(name: str) -> str:
    return files("bench.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embed(chart: Chart, image: Image) -> Embedded:
    return Embedded(Markup(inline(image.svg, chart.name, chart.alt)), _address(csv_text(chart.data)))


def _address(csv: str) -> str:
    return f"data:text/csv,{quote(csv, safe=SAFE)}"
