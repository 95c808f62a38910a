"""A figure's SVG as part of a page: small, its text as text, its ink and paper in the page's colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bench.core.errors import DataError

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"

COLOURS: Mapping[str, str] = {
    "#ffffff": "var(--paper)",
    "#000000": "var(--ink)",
    "#202124": "var(--ink)",
    "#3c4043": "var(--ink)",
    "#262626": "var(--ink)",
    "#5f6368": "var(--soft)",
    "#9aa0a6": "var(--soft)",
    "#dadce0": "var(--line)",
    "#e8eaed": "var(--line)",
}
"""Colours of text, lines and background, by what the page calls them; those of cells are the same in light and dark."""

PIXELS = 4 / 3
"""Of a page, to a point."""

REFERENCE = re.compile(r"(?:url\()?#([\w.-]+)\)?")
NUMBER = re.compile(r"-?\d+\.\d+")
LONG_NUMBERS = ("d", "points", "transform", "x", "y", "width", "height", "viewBox")
DROPPED = ("metadata", "style")
FONTS = "DejaVu Sans, Verdana, sans-serif"
"""The font that a figure was laid out with, and one that is as wide."""


def inline(svg: bytes, name: str, label: str) -> str:
    """Return a figure of matplotlib's as an `svg` element; identifiers begin with `name`, so that figures do not mix.

    What a page may not have under a policy that forbids styles of elements (`style=`, `<style>`) is said in attributes.
    Raises DataError for anything but a figure of matplotlib's.
    """
    try:
        root = ElementTree.fromstring(svg)
        width, box = float(root.attrib["width"].removesuffix("pt")), root.attrib["viewBox"]
    except (ElementTree.ParseError, KeyError, ValueError):
        raise DataError(f"figures/{name}.svg", "is not a figure as it was drawn") from None
    used = {found for element in root.iter() for value in element.attrib.values() for found in _references(value)}
    renamed = {old: f"{name}-{number}" for number, old in enumerate(sorted(used))}
    parts = [_text(part, renamed) for part in root]
    about = f'id="{name}" role="img" aria-label="{escape(label)}" width="{width * PIXELS:.0f}"'
    return f'<svg viewBox="{escape(box)}" {about}>{"".join(parts)}</svg>'


def _text(element: Element, renamed: Mapping[str, str]) -> str:
    tag = element.tag.removeprefix(SVG)
    if tag in DROPPED:
        return ""
    attributes = _attributes(element, renamed)
    if tag == "text":
        attributes.setdefault("fill", COLOURS["#000000"])
    inner = escape(element.text or "") if tag in ("text", "tspan", "title") else ""
    inner += "".join(_text(part, renamed) for part in element)
    if tag == "g" and not attributes:
        return inner
    if (tag in ("g", "defs") and not inner) or _is_background(element, attributes):
        return ""
    start = " ".join([tag, *(f'{key}="{escape(value)}"' for key, value in attributes.items())])
    return f"<{start}>{inner}</{tag}>" if inner else f"<{start}/>"


def _attributes(element: Element, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return an element's attributes with its style among them and numbers short; of identifiers those referred to."""
    found = dict(element.attrib)
    style = [part.partition(":") for part in found.pop("style", "").split(";") if part.strip()]
    found |= {key.strip(): value.strip() for key, _, value in style}
    if XLINK + "href" in found:
        found["href"] = found.pop(XLINK + "href")
    if "id" in found:
        old = found.pop("id")
        found |= {"id": renamed[old]} if old in renamed else {}
    if "font-family" in found:
        found["font-family"] = FONTS
    if re.fullmatch(r"rotate\(-?0(\.0*)? .*\)", found.get("transform", "")):
        del found["transform"]
    for key, value in found.items():
        if key in LONG_NUMBERS:
            found[key] = " ".join(NUMBER.sub(_short, value).split())
        elif key in ("fill", "stroke"):
            found[key] = COLOURS.get(value, value)
        for old in _references(value):
            found[key] = value.replace(f"#{old}", f"#{renamed[old]}")
    return found


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0") if abs(float(number[0])) > 2 else f"{float(number[0]):.2f}"


def _references(value: str) -> list[str]:
    """Return what an attribute's value refers to: `#name` or `url(#name)`; a colour is neither."""
    found = REFERENCE.fullmatch(value.strip())
    return [found[1]] if found and not re.fullmatch(r"#[0-9a-f]{6}", value) else []


def _is_background(element: Element, attributes: Mapping[str, str]) -> bool:
    """Whether this is the white sheet of a figure or of its axes, which the page has itself."""
    is_sheet = attributes.get("fill") == COLOURS["#ffffff"] and "stroke" not in attributes
    return element.tag == f"{SVG}path" and is_sheet and element.attrib.get("d", "").count("L") == 3
