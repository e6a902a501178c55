"""A document as one HTML file that opens anywhere: no network, both themes, keyboard and screen readers.

Jinja2 escapes everything that a record says. Style sheet and script are inside the file, and its content
security policy names their hashes, so that nothing else can run or be loaded. Neighbours:
`document.py` has what is written, `report/figures/charts.py` the drawings.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from resnet_bench.report.figures.charts import mark
from resnet_bench.report.page.document import Block, Document, Download

OPEN_CHAPTERS = 2
"""Reports on more records than this begin with their details closed."""

_SHAPE_OF_VERDICT = {"v-valid": 0, "v-provisional": 1, "v-invalid": 2}


def render(document: Document) -> bytes:
    """The page, in UTF-8."""
    environment = Environment(
        loader=PackageLoader("resnet_bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(kind=_kind, key=_key, download=_download)
    environment.filters["flags"] = _flags
    style, script = (_text(name) for name in ("style.css", "report.js"))
    page = environment.get_template("report.html.j2").render(
        document=document,
        alone=len(document.chapters) == 1,
        open_chapters=len(document.chapters) <= OPEN_CHAPTERS,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return page.encode()


def _text(name: str) -> str:
    return (files("resnet_bench.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """As a content security policy names an inline style sheet or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


_FLAG = re.compile(r"--[a-z][a-z-]*")


def _flags(words: str) -> Markup:
    """Text whose option names are not broken at their dashes."""
    return Markup("").join(
        Markup('<span class="flag">{}</span>').format(part) if _FLAG.fullmatch(part) else escape(part)
        for part in re.split(f"({_FLAG.pattern})", words)
    )


def _kind(block: Block) -> str:
    return type(block).__name__


def _key(css: str) -> str:
    """The mark beside a legend's words, in the shape of the marks in the chart."""
    if css.startswith("fill"):
        return "M1 2h12v10h-12z"
    shape = _SHAPE_OF_VERDICT[css] if css in _SHAPE_OF_VERDICT else int(css[-1])
    return mark(7, 7, css, shape=shape, size=4.5).attributes["d"]


def _download(file: Download) -> Markup:
    """A link to a file that the page itself contains."""
    content = base64.b64encode(file.content).decode()
    return Markup('<a download="{}" href="data:{};base64,{}">{}</a>').format(file.name, file.mime, content, file.words)
