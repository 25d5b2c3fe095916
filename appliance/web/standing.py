"""Whether a sign-in still stands, at the provider too: before each request, and all the time that a stream is open."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from appliance.identity.errors import SessionEnded, SignInRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar import Request

    from appliance.core.ports import Person
    from appliance.identity.sessions import Session
    from appliance.web.services import Services

LOOK_SECONDS: Final = 1.0
"""How long a stream may outlive the session it belongs to."""


async def standing(services: Services, session: Session | None) -> Session | None:
    """The session, as the provider sees it; None when it has ended.

    Raises:
        IssuerUnavailable: the provider has been away for too long.
    """
    identity = services.identity
    whose = None if session is None else identity.sessions.live(session.key)
    if session is None or whose is None or not identity.renewals.due(whose):
        return session
    try:
        await identity.renewals.current(whose)
    except SessionEnded:
        return None
    return identity.sessions.get(session.id)


async def standing_groups(services: Services, key: str) -> frozenset[str] | None:
    """The groups of the person behind a session, by its name; None when it has ended.

    Raises:
        IssuerUnavailable: the provider has been away for too long.
    """
    identity = services.identity
    whose = identity.sessions.live(key)
    if whose is None:
        return None
    try:
        known = await identity.renewals.current(whose)
    except SessionEnded:
        return None
    return all_groups(services, known.person, known.groups)


def all_groups(services: Services, person: Person, groups: frozenset[str]) -> frozenset[str]:
    """The groups that the sign-in names, and those that an identity system pushed for the person."""
    return groups | services.directory.directory.groups_of(person.subject, person.email)


def require_here(services: Services, person: Person) -> None:
    """Refuse somebody whom the directory knows as gone, whatever the sign-in says; note who has come.

    Raises:
        SignInRefused: they have left.
    """
    directory = services.directory.directory
    if directory.gone(person.subject, person.email):
        message = "This account has been closed."
        raise SignInRefused(message, cause="the directory says that the person has left", action="Ask your IT.")
    directory.link(person.subject, person.email)


async def while_signed_in(request: Request[Any, Any, Any], stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream, until it ends or the session that asked for it does. A program with a token of its own is not asked
    again: its token ends the next request."""
    session = getattr(request.state, "session", None)
    if session is None:
        async for piece in stream:
            yield piece
        return
    services: Services = request.app.state.services
    upcoming: asyncio.Task[bytes] | None = None
    try:
        while True:
            if upcoming is None:
                upcoming = asyncio.ensure_future(anext(stream))
            done, _ = await asyncio.wait({upcoming}, timeout=LOOK_SECONDS)
            if not await asyncio.to_thread(services.identity.sessions.stands, session.key):
                return
            if done:
                try:
                    piece = upcoming.result()
                except StopAsyncIteration:
                    return
                upcoming = None
                yield piece
    finally:
        if upcoming is not None:
            upcoming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await upcoming
        await stream.aclose()  # type: ignore[attr-defined]
