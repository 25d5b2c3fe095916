"""Pages out of templates. The app's own ``templates`` folder comes first, the kit's behind it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from . import display
from .access import Verb
from .actions import offered
from .definition import DashboardPage, DetailPage, FormPage, KioskPage, Page, TablePage
from .importing import may_import
from .language import load_language
from .records import now
from .reminders import count_due

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
        self.language = language = load_language(kit_folder / "languages", definition.language)
        self._jinja.globals.update(
            app=definition,
            static=self.static,
            display=display,
            Verb=Verb,
            now=now,
            language=language,
            may_import=may_import,
        )
        self._jinja.globals.update(_=language.say, some=language.some, actions_of=offered)
        self._jinja.filters.update(
            day=language.day,
            long_day=language.long_day,
            clock=language.clock,
            number=language.number,
            money=language.money,
            size=language.size,
            ago=lambda instant: language.ago(instant, now()),
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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def visible_pages(visit: Visit) -> list[Page]:
    """The pages that this person may see."""
    return [page for page in visit.runtime.definition.pages if may_see(visit, page)]


def may_see(visit: Visit, page: Page) -> bool:
    """A form or kiosk page needs the right to create, a dashboard one entity that may be read, others reading."""
    if isinstance(page, DashboardPage):
        return any(visit.access.may(widget.entity, Verb.READ) for widget in page.widgets)
    return visit.access.may(page.entity, Verb.CREATE if isinstance(page, FormPage | KioskPage) else Verb.READ)


def navigation(visit: Visit) -> list[tuple[str, str]]:
    """Titles and addresses: the app's pages, then kinds of records that no page shows."""
    definition = visit.runtime.definition
    links = [(page.title, f"/pages/{page.slug}") for page in visible_pages(visit)]
    shown = {page.entity.table for page in definition.pages if isinstance(page, TablePage | DetailPage)}
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
        "title_of": visit.title,
        "reminders": count_due(visit) if visit.runtime.definition.behaviour.reminders else None,
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
