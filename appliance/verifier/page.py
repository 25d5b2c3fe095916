"""Reads what matters to a check out of an app's HTML. Never raises, whatever the HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

CSRF_FIELD: Final = "csrf_token"
_LOADS: Final = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "form": "action"}
_VOID: Final = frozenset({"input", "img", "br", "hr", "link", "meta", "source", "wbr", "area", "base", "col"})
_MAX_TEXT: Final = 400_000


@dataclass
class Input:
    """A control of a form. ``options`` are the values of a select or of its radio buttons."""

    name: str
    kind: str = "text"
    value: str = ""
    options: list[str] = field(default_factory=list)


@dataclass
class Form:
    """One form with its controls by name."""

    action: str
    method: str
    multipart: bool
    inputs: dict[str, Input] = field(default_factory=dict)

    def hidden(self) -> dict[str, str]:
        """What a browser would send without the person doing anything to it."""
        return {name: control.value for name, control in self.inputs.items() if control.kind == "hidden"}


@dataclass
class Page:
    """One HTML page."""

    headings: int = 0
    lang: str = ""
    forms: list[Form] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """Addresses of style sheets and scripts of the app's own."""
    inline_scripts: int = 0
    texts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything that can be read on the page, whitespace collapsed, values of controls at the end."""
        return " ".join(" ".join((*self.texts, *self.values)).split())

    @property
    def csrf(self) -> str:
        """A form token, if any form has one."""
        tokens = (form.inputs[CSRF_FIELD].value for form in self.forms if CSRF_FIELD in form.inputs)
        return next((token for token in tokens if token), "")

    def form_for(self, name: str) -> Form | None:
        """The POST form that has a control of that name."""
        posts = (form for form in self.forms if form.method == "post")
        return next((form for form in posts if name in form.inputs), None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._form: Form | None = None
        self._select: Input | None = None
        self._area: Input | None = None
        self._mute = 0  # inside script or style
        self._error_depth = 0  # open elements since one that carries an error message
        self._size = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        page = self.page
        if self._error_depth and tag not in _VOID:
            self._error_depth += 1
        elif _carries_error(attributes) and tag not in _VOID and tag != "form" and tag not in ("input", "select"):
            self._error_depth = 1
        if tag == "html":
            page.lang = attributes.get("lang", "")
        elif tag == "h1":
            page.headings += 1
        elif tag in ("script", "style"):
            self._mute += 1
            page.inline_scripts += tag == "script" and "src" not in attributes
        if attributes.get("data-row-id", "").isdecimal():
            page.rows.append(int(attributes["data-row-id"]))
        source = attributes.get(_LOADS.get(tag, ""), "")
        if source and (urlsplit(source).netloc or urlsplit(source).scheme not in ("", "data", "blob")):
            page.elsewhere.append(source)
        elif source and tag in ("link", "script"):
            page.parts.append(source)
        self._controls(tag, attributes)

    def _controls(self, tag: str, attributes: dict[str, str]) -> None:
        name = attributes.get("name", "")
        if tag == "form":
            encoding = attributes.get("enctype", "").lower()
            method = attributes.get("method", "get").lower()
            self._form = Form(attributes.get("action", ""), method, encoding == "multipart/form-data")
            self.page.forms.append(self._form)
        elif tag == "input" and name:
            kind = attributes.get("type", "text").lower()
            self.page.values.append(attributes.get("value", "") if kind not in ("hidden", "checkbox", "radio") else "")
            control = self._add(name, kind, attributes.get("value", ""))
            if kind == "radio":
                control.options.append(attributes.get("value", ""))
        elif tag == "select" and name:
            self._select = self._add(name, "select", "")
        elif tag == "option" and self._select is not None:
            self._select.options.append(attributes.get("value", ""))
        elif tag == "textarea" and name:
            self._area = self._add(name, "textarea", "")

    def _add(self, name: str, kind: str, value: str) -> Input:
        fresh = Input(name, kind, value)
        return self._form.inputs.setdefault(name, fresh) if self._form is not None else fresh

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None
        elif tag in ("script", "style"):
            self._mute = max(0, self._mute - 1)
        if self._error_depth and tag not in _VOID:
            self._error_depth -= 1

    def handle_data(self, data: str) -> None:
        if self._mute or self._size > _MAX_TEXT:
            return
        self._size += len(data)
        self.page.texts.append(data)
        if self._error_depth and data.strip():
            self.page.errors.append(data.strip())


def _carries_error(attributes: dict[str, str]) -> bool:
    return (
        attributes.get("role") == "alert"
        or "error" in attributes.get("class", "")
        or "-error" in attributes.get("id", "")
    )


def read_page(html: str) -> Page:
    """Parse ``html``."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page
