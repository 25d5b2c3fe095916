"""Stage pages: everything that can be opened opens, is well-formed, and loads nothing from elsewhere."""

from __future__ import annotations

from typing import Final

from appliance.blueprint.model import PUBLIC, Blueprint, Verb
from appliance.blueprint.naming import plural, slug
from appliance.blueprint.screens import (
    CalendarPage,
    DashboardPage,
    FormPage,
    KioskPage,
    Page,
    ReportPage,
    TablePage,
    TimelinePage,
)
from appliance.verifier.client import Answer, AppClient, expect
from appliance.verifier.model import CheckFailed, Stage
from appliance.verifier.people import Actor, actor
from appliance.verifier.recorder import Recorder
from appliance.verifier.wording import a, start

_HTML: Final = "text/html"
_MAX_PARTS: Final = 16


def check_pages(recorder: Recorder, client: AppClient, blueprint: Blueprint, owner: Actor) -> None:
    """Every page and every list, as the owner.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    with recorder.check(Stage.PAGES, "The app opens"):
        answer = client.get(owner, "/")
        expect(answer, (200, 303, 302, 307), "page_closed", "The app's first page does not open.")
        if answer.status == 200:
            well_formed(answer, "The app's first page")
    with recorder.check(Stage.PAGES, "The app's look and its scripts are there"):
        _check_parts(client, blueprint, owner)
    for page in blueprint.pages:
        with recorder.check(Stage.PAGES, f"The page “{page.title}” opens", subject=page.title):
            open_page(client, owner, page)
    for entity in blueprint.entities:
        with recorder.check(Stage.PAGES, f"The list of {plural(entity.name)} opens", subject=entity.name):
            answer = client.get(owner, f"/{slug(entity.name)}")
            expect(answer, (200,), "page_closed", f"The list of {plural(entity.name)} does not open.")
            well_formed(answer, f"The list of {plural(entity.name)}")


def _check_parts(client: AppClient, blueprint: Blueprint, owner: Actor) -> None:
    path = f"/{slug(blueprint.entities[0].name)}" if blueprint.entities else "/"
    for address in client.get(owner, path).page.parts[:_MAX_PARTS]:
        answer = client.get(owner, address if address.startswith("/") else f"/{address}")
        expect(answer, (200,), "part_missing", "The app looks wrong, or a part of it does not react.")


def open_page(client: AppClient, who: Actor, page: Page) -> None:
    """One page of the blueprint.

    Raises:
        CheckFailed: it does not open, or is not well-formed.
    """
    address = f"/pages/{slug(page.title)}"
    for asked in ("", *_views(page)):
        answer = client.get(who, f"{address}{asked}")
        expect(answer, (200,), "page_closed", f"The page “{page.title}” does not open.")
        well_formed(answer, f"The page “{page.title}”")
    if isinstance(page, TablePage | ReportPage):
        answer = client.get(who, f"{address}/export.csv")
        expect(answer, (200,), "page_closed", f"The page “{page.title}” cannot be taken along as a table.")


def _views(page: Page) -> tuple[str, ...]:
    """The other ways in which a page can be looked at."""
    if isinstance(page, CalendarPage):
        return ("?show=week", "?show=list", "?on=2024-02-29")
    return ("?zoom=year", "?zoom=month&on=2024-02-29") if isinstance(page, TimelinePage) else ()


def may_open(blueprint: Blueprint, page: Page, role: str) -> bool:
    """A dashboard needs one of its entities to be readable, a form or kiosk page that one may add, others reading."""
    if isinstance(page, DashboardPage):
        return any(blueprint.permission(widget.entity, role, Verb.READ) for widget in page.widgets)
    verb = Verb.CREATE if isinstance(page, FormPage | KioskPage) else Verb.READ
    return blueprint.permission(page.entity, role, verb) is not None


def well_formed(answer: Answer, name: str) -> None:
    """One heading, a language, no source outside, no inline script.

    Raises:
        CheckFailed: with what is wrong.
    """
    if _HTML not in answer.headers.get("content-type", ""):
        kind = answer.headers.get("content-type", "nothing")
        raise CheckFailed("not_a_page", f"{name} is not shown as a page.", detail=f"{answer.request}: {kind}")
    page = answer.page
    if page.elsewhere:
        message = f"{name} wants something from outside this network."
        raise CheckFailed("loads_elsewhere", message, detail=f"{answer.request}: {page.elsewhere[0]}")
    if page.headings != 1 or not page.lang:
        message = f"{name} cannot be read out well to people who do not see it."
        detail = f"{answer.request}: {page.headings} h1 elements, lang {page.lang!r}"
        raise CheckFailed("not_accessible", message, detail=detail)
    if page.inline_scripts:
        message = f"A part of {name[0].lower()}{name[1:]} does not work."
        raise CheckFailed("inline_script", message, detail=f"{answer.request}: the policy forbids inline scripts")


def check_strangers(recorder: Recorder, client: AppClient, blueprint: Blueprint) -> None:
    """Who is not signed in, or has a forged or borrowed pass, sees and changes nothing.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    someone = actor("Nobody")
    for entity in blueprint.entities:
        path = f"/{slug(entity.name)}"
        title = f"Somebody who is not signed in sees no {plural(entity.name)} and cannot add one"
        with recorder.check(Stage.ACCEPTANCE, title, subject=entity.name):
            message = f"{plural(entity.name)} can be seen without signing in."
            expect(client.get(None, path), (401,), "open_to_strangers", message)
            message = f"{start(a(entity.name))} can be added without signing in."
            expect(client.post(None, f"{path}/new", {}), (401,), "open_to_strangers", message)
    for page in blueprint.pages:
        if isinstance(page, KioskPage):
            _check_kiosk(recorder, client, blueprint, page)
    path = f"/{slug(blueprint.entities[0].name)}" if blueprint.entities else "/"
    with recorder.check(Stage.ACCEPTANCE, "A forged or borrowed pass does not open the app"):
        for token in (client.passes.forged(someone), client.passes.for_another_app(someone), "nonsense"):
            answer = client.get(None, path, token=token)
            expect(answer, (401,), "accepts_forged_identity", "The app believes anybody who claims to be somebody.")
    with recorder.check(Stage.ACCEPTANCE, "Somebody without a role in this app sees nothing"):
        for entity in blueprint.entities:
            answer = client.get(someone, f"/{slug(entity.name)}")
            message = f"{plural(entity.name)} can be seen by people who have no role in this app."
            expect(answer, (403, 404), "open_to_everyone", message)


def _check_kiosk(recorder: Recorder, client: AppClient, blueprint: Blueprint, page: KioskPage) -> None:
    """The public form opens for whoever the front door lets through to it, and opens nothing else to them."""
    public, address = actor(PUBLIC), f"/kiosk/{slug(page.title)}"
    with recorder.check(Stage.PAGES, f"Anybody can open the form “{page.title}”", subject=page.title):
        answer = client.get(public, address)
        expect(answer, (200,), "page_closed", f"The form “{page.title}” does not open.")
        well_formed(answer, f"The form “{page.title}”")
        if answer.page.rows:
            message = f"The form “{page.title}” shows records to everybody."
            raise CheckFailed("open_to_strangers", message, detail=f"{answer.request}: row {answer.page.rows[0]}")
    title = f"Whoever uses the form “{page.title}” can open nothing else"
    with recorder.check(Stage.ACCEPTANCE, title, subject=page.title):
        message = f"The form “{page.title}” lets everybody into the app."
        addresses = ["/", f"/pages/{slug(page.title)}"]
        for entity in blueprint.entities:
            base = f"/{slug(entity.name)}"
            addresses += [base, f"{base}/new", f"{base}/1", f"{base}/export.csv"]
        for other in addresses:
            expect(client.get(public, other), (401, 403), "open_to_strangers", message)
        message = f"The form “{page.title}” takes what another site sends."
        expect(client.post(public, address, {}, origin="http://elsewhere.example"), (403,), "accepts_forgery", message)
    title = f"The form “{page.title}” adds nothing without having been opened first"
    with recorder.check(Stage.ACCEPTANCE, title, subject=page.title):
        message = f"The form “{page.title}” can be filled in by programs that never opened it."
        expect(client.post(public, address, {}), (422,), "form_unprotected", message)
