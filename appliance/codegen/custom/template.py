"""A page fragment as a model writes it: a little HTML with the fields' values in it, nothing else.

Every value is escaped by Jinja; there are no links, scripts, styles, expressions or loops to write.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, TemplateError, nodes

from appliance.codegen.custom.problem import CodeProblem
from appliance.codegen.custom.signature import parameters
from appliance.core.ports import Grammar

if TYPE_CHECKING:
    from appliance.blueprint.places import Place

TAGS: Final = ("div", "p", "h3", "strong", "em", "small", "span", "ul", "li")
CLASSES: Final = ("large", "quiet", "box", "center", "code")
FILTERS: Final = ("upper", "lower", "title", "capitalize")
MAX_TEMPLATE: Final = 2_000
_ALLOWED: Final = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Filter, nodes.If, nodes.Not)

_RULES: Final = r"""
start: block{1,8}
block: whole "\n" | "{% if " NAME " %}" whole "{% endif %}\n"
whole: "<" TAG cls? ">" inline{1,6} "</" TAG ">"
inline: TEXT | value | "<" MARK ">" (TEXT | value){1,3} "</" MARK ">"
value: "{{ " NAME (" | " FILTER)? " }}"
cls: " class=\"" CLASS "\""
TEXT: /[\p{L}\p{N}][\p{L}\p{N} ,:;.()\/\-]{0,40}/ | " " | ": " | ", "
"""


def template_grammar(place: Place) -> Grammar:
    """The grammar of the whole fragment."""

    def any_of(words: tuple[str, ...]) -> str:
        return " | ".join(f'"{word}"' for word in words)

    names = tuple(name for name, _ in parameters(place))
    return Grammar(
        f"{_RULES}TAG: {any_of(('div', 'p', 'h3'))}\nMARK: {any_of(('strong', 'em', 'small', 'span'))}\n"
        f"NAME: {any_of(names)}\nCLASS: {any_of(CLASSES)}\nFILTER: {any_of(FILTERS)}\n"
    )


def checked_template(place: Place, text: str) -> str:
    """The fragment, if it is one.

    Raises:
        CodeProblem: something in it is not allowed, or it does not close what it opens.
    """
    if len(text) > MAX_TEMPLATE:
        message = "it is too long"
        raise CodeProblem(message)
    try:
        tree = Environment(autoescape=True).parse(text)
    except (TemplateError, RecursionError) as error:
        message = f"it is no template: {error}"
        raise CodeProblem(message) from error
    names = {name for name, _ in parameters(place)}
    for node in (tree, *tree.find_all(nodes.Node)):
        if not isinstance(node, _ALLOWED):
            message = f"{type(node).__name__} is not allowed in it"
            raise CodeProblem(message)
        if isinstance(node, nodes.Name) and node.name not in names:
            message = f"there is no value “{node.name}”"
            raise CodeProblem(message)
        if isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.args or node.kwargs):
            message = f"“{node.name}” is not allowed in it"
            raise CodeProblem(message)
    if not any(isinstance(node, nodes.Name) for node in tree.find_all(nodes.Name)):
        message = "it shows none of the values"
        raise CodeProblem(message)
    _Tags().check(re.sub(r"{[{%].*?[}%]}", "", text))
    return text.strip() + "\n"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []

    def check(self, text: str) -> None:
        self.feed(text)
        self.close()
        if self._open:
            message = f"<{self._open[-1]}> is not closed"
            raise CodeProblem(message)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = [value for name, value in attrs if name == "class"]
        if tag not in TAGS or len(classes) != len(attrs) or any(value not in CLASSES for value in classes):
            message = f"<{tag}> with what it carries is not allowed"
            raise CodeProblem(message)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            message = f"</{tag}> closes nothing"
            raise CodeProblem(message)

    def handle_comment(self, data: str) -> None:
        self._refuse(data)

    def handle_decl(self, decl: str) -> None:
        self._refuse(decl)

    def handle_pi(self, data: str) -> None:
        self._refuse(data)

    def unknown_decl(self, data: str) -> None:
        self._refuse(data)

    def _refuse(self, what: str) -> None:
        message = f"“{what[:40]}” is not allowed in it"
        raise CodeProblem(message)
