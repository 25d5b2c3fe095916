"""The people of the app: who works with it and how to reach them. Each keeps their own details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from litestar import get, post
from litestar.concurrency import sync_to_thread
from sqlalchemy import func, or_, select

from .access import OWNER
from .identity import PUBLIC
from .records import Person, attribute
from .visit import NotAllowed
from .web import AppRequest, Html, identity_of, page, read_sent, redirect, runtime_of

if TYPE_CHECKING:
    from .visit import Visit

DETAILS: Final = ("phone", "job_title", "department")
"""What a person writes about themselves; name and address come with the sign-in."""

MOST_CHARACTERS: Final = 120
SHOWN: Final = 200


@get("/-/people", sync_to_thread=True)
def show_people(request: AppRequest) -> Html:
    """Everybody whom the app knows, by name; ``?q=`` narrows."""
    with runtime_of(request).visit(identity_of(request)) as visit:
        _require_role(visit)
        wanted = str(request.query_params.get("q", "")).strip()[:MOST_CHARACTERS]
        columns = [attribute(Person, name) for name in ("name", "email", *DETAILS)]
        query = select(Person).order_by(func.lower(attribute(Person, "name")), attribute(Person, "email"))
        if wanted:
            query = query.where(or_(*(column.icontains(wanted, autoescape=True) for column in columns)))
        people = list(visit.session.scalars(query.limit(SHOWN)))
        heading = visit.language.say("People")
        return page(request, visit, "people.html", heading=heading, people=people, wanted=wanted, shown=SHOWN)


@get("/-/people/me")
async def show_details(request: AppRequest) -> Html:
    """The form with one's own details."""
    return await sync_to_thread(_show_details, request)


def _show_details(request: AppRequest) -> Html:
    with runtime_of(request).visit(identity_of(request)) as visit:
        _require_role(visit)
        return page(request, visit, "person.html", heading=visit.language.say("Your details"))


@post("/-/people/me", status_code=303)
async def save_details(request: AppRequest) -> Html:
    """Keep one's own details; nobody can write those of somebody else."""
    sent = await read_sent(request)
    return await sync_to_thread(_save, request, sent)


def _save(request: AppRequest, sent: dict[str, object]) -> Html:
    with runtime_of(request).visit(identity_of(request), writing=True) as visit:
        _require_role(visit)
        for name in DETAILS:
            value = sent.get(name, "")
            words = " ".join(value.split()) if isinstance(value, str) else ""
            setattr(visit.person, name, words[:MOST_CHARACTERS])
        visit.session.add(visit.person)
        return redirect(request, "/-/people", visit.language.say("Your details are saved"))


def _require_role(visit: Visit) -> None:
    """Names are for those who work with the app, not for whoever stands at a kiosk or has no role in it."""
    known = {OWNER, *visit.runtime.definition.roles}
    if PUBLIC in visit.access.roles or visit.access.roles.isdisjoint(known):
        raise NotAllowed(visit.language.say("Only people with a role in this app see who else has one."))
