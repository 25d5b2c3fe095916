"""The pages of the demonstration issuer: plain HTML, one small style sheet, no script."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from appliance.identity.demo_people import PEOPLE, DemoPerson

STYLE: Final = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d3d8de;
  --accent: #1f5fbf; --warn: #fff4d6; --warn-line: #d9a514; --warn-text: #4d3800; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --card: #1e2329; --text: #e8eaed; --soft: #a3acb7; --line: #39414b; --accent: #7fb2ff;
    --warn: #33290c; --warn-line: #b58a14; --warn-text: #f6e3a8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
.notice { background: var(--warn); color: var(--warn-text); border: 1px solid var(--warn-line); border-radius: .5rem;
  padding: .75rem 1rem; margin: 0 0 1.5rem; }
.notice p { margin: 0; } .notice p + p { margin-top: .5rem; }
h2 { font-size: 1rem; margin: 0 0 .75rem; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; }
button { display: block; width: 100%; text-align: left; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; padding: .875rem 1rem; cursor: pointer; }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.name { font-weight: 600; } .part { color: var(--accent); margin-left: .5rem; }
.sentence { display: block; color: var(--soft); }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .875rem; }
"""


def sign_in_page(parameters: Mapping[str, str]) -> str:
    """The choice of a person; ``parameters`` of the authorization request travel as hidden fields."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters.items()
    )
    cards = "".join(_card(person) for person in PEOPLE)
    return _page(
        "Demonstration sign-in",
        '<div class="notice" role="note"><p><strong>This sign-in is for trying things out.</strong> There is no '
        "password: anyone at this computer can be any of these people.</p><p>In your company this page is replaced by "
        f'your own single sign-on.</p></div><form method="post" action="/authorize">{hidden}'
        f"<h2>Who would you like to be?</h2><ul>{cards}</ul></form>"
        "<footer>This page is served by this computer, to this computer only.</footer>",
    )


def message_page(title: str, text: str) -> str:
    """A page with one paragraph."""
    return _page(title, f"<p>{escape(text)}</p>")


def _card(person: DemoPerson) -> str:
    return (
        f'<li><button name="person" value="{escape(person.handle)}"><span class="name">{escape(person.name)}</span> '
        f'<span class="part">{escape(person.part)}</span>'
        f'<span class="sentence">{escape(person.sentence)}</span></button></li>'
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/style.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
