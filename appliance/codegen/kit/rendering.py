"""Pages out of templates. The app's own ``templates`` folder comes first, the kit's behind it."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from . import display
from .access import Verb
from .definition import DashboardPage, FormPage, Page
from .importing import may_import
from .records import now
from .titles import title

if TYPE_CHECKING:
    from pathlib import Path

    from .definition import Definition
    from .visit import Visit


class Renderer:
    """Jinja with escaping always on and undefined names refused."""

    def __init__(self, definition: Definition, kit_folder: Path) -> None:
        self._static = (definition.folder / "static", kit_folder / "static")
        self._versions: dict[str, str] = {}
        folders = [FileSystemLoader(definition.folder / "templates"), FileSystemLoader(kit_folder / "templates")]
        self._jinja = Environment(
            loader=ChoiceLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.globals.update(
            app=definition,
            static=self.static,
            title_of=title,
            display=display,
            Verb=Verb,
            now=now,
            may_import=may_import,
        )
        self._jinja.filters.update(
            day=display.day,
            long_day=display.long_day,
            clock=display.clock,
            number=display.number,
            money=display.money,
            size=display.size,
            ago=_ago,
            capital=_capital,
        )

    def static(self, name: str) -> str:
        """The address of a file in ``static``; it changes with the content, so browsers may keep it."""
        if name not in self._versions:
            content = next((path.read_bytes() for folder in self._static if (path := folder / name).is_file()), b"")
            self._versions[name] = hashlib.sha256(content).hexdigest()[:10]
        return f"/static/{name}?v={self._versions[name]}"

    def render(self, template: str, **context: object) -> str:
        """The HTML of a template."""
        return self._jinja.get_template(template).render(**context)


def _ago(instant: dt.datetime) -> str:
    return display.ago(instant, now())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def visible_pages(visit: Visit) -> list[Page]:
    """The pages that this person may see."""
    return [page for page in visit.runtime.definition.pages if may_see(visit, page)]


def may_see(visit: Visit, page: Page) -> bool:
    """A form page needs the right to create, a dashboard one entity that may be read, others the right to read."""
    if isinstance(page, DashboardPage):
        return any(visit.access.may(widget.entity, Verb.READ) for widget in page.widgets)
    return visit.access.may(page.entity, Verb.CREATE if isinstance(page, FormPage) else Verb.READ)


def navigation(visit: Visit) -> list[tuple[str, str]]:
    """Titles and addresses: the app's pages, then kinds of records that no page shows."""
    definition = visit.runtime.definition
    links = [(page.title, f"/pages/{page.slug}") for page in visible_pages(visit)]
    shown = {page.entity.table for page in definition.pages if not isinstance(page, DashboardPage | FormPage)}
    links += [
        (entity.plural, f"/{entity.slug}")
        for entity in definition.entities
        if entity.table not in shown and visit.access.may(entity, Verb.READ)
    ]
    return links


def page_context(visit: Visit, path: str) -> dict[str, Any]:
    """What every page needs."""
    return {
        "visit": visit,
        "access": visit.access,
        "me": visit.person,
        "roles": sorted(
            role.removeprefix("@").capitalize() if role[0] == "@" else role for role in visit.identity.roles if role
        ),
        "navigation": navigation(visit),
        "path": path,
        "today": visit.moment.today,
        "csrf_token": visit.runtime.signer.form_token(visit.identity.subject),
        "alone": visit.runtime.settings.alone,
        "can_sign_out": visit.runtime.settings.login != "link",
    }
