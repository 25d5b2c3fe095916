"""The inbox: a page with what waits for a person, and a button to put each of it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import get, post
from litestar.concurrency import sync_to_thread

from .reminders import PutAway, due
from .visit import NoSuchRow
from .web import AppRequest, Html, identity_of, page, read_sent, redirect, runtime_of

if TYPE_CHECKING:
    from .reminders import Due


@get("/-/reminders", sync_to_thread=True)
def show_reminders(request: AppRequest) -> Html:
    """The inbox."""
    with runtime_of(request).visit(identity_of(request)) as visit:
        return page(request, visit, "reminders.html", heading=visit.language.say("Reminders"), due=due(visit))


@post("/-/reminders/done", status_code=303)
async def put_away(request: AppRequest) -> Html:
    """Put one reminder away: ``key``, ``row`` and ``day`` as the inbox showed them."""
    sent = await read_sent(request)
    return await sync_to_thread(_put_away, request, sent)


def _put_away(request: AppRequest, sent: dict[str, object]) -> Html:
    with runtime_of(request).visit(identity_of(request), writing=True) as visit:
        wanted = tuple(str(sent.get(name, "")) for name in ("key", "row", "day"))
        item = next((item for item in due(visit) if wanted == _names(item)), None)
        if item is None:
            raise NoSuchRow(visit.language.say("reminder"))
        visit.session.add(
            PutAway(person=visit.person.id, key=item.reminder.key, row_id=item.row.id, day=item.day)  # type: ignore[arg-type]
        )
        return redirect(request, "/-/reminders", visit.language.say("Put away."))


def _names(item: Due) -> tuple[str, str, str]:
    return (item.reminder.key, str(item.row.id), item.day.isoformat())
