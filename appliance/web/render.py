"""Pages: Jinja templates with what every page needs, and the few filters that turn values into plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import MediaType, Request, Response

from appliance.db.repositories.projects import GROUP_PREFIX
from appliance.web.approval_views import waiting_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litestar.datastructures import Cookie

PAGES: Final = Path(__file__).parent / "pages"
STATIC: Final = Path(__file__).parent / "static"
ASSETS: Final = "/static"
APP_ASSETS: Final = "/.intramural/static"
"""Where the studio's own answers on an app's origin find their assets; ``/static`` there is the app's."""


def environment() -> Environment:
    """The template environment: everything is escaped, a missing name is an error."""
    made = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["ago"] = ago
    made.filters["member_name"] = member_name
    made.filters["seconds"] = seconds
    made.filters["initials"] = initials
    made.filters["size"] = size
    return made


def page(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    cookies: Sequence[Cookie] = (),
    **values: object,
) -> Response[str]:
    """A rendered page or fragment."""
    session = getattr(request.state, "session", None)
    actor = getattr(request.state, "actor", None)
    services = request.app.state.services
    host = request.headers.get("host", "").partition(":")[0].lower()
    folder = ASSETS if host == services.addresses.studio_host else APP_ASSETS
    body = _ENVIRONMENT.get_template(template).render(
        session=session,
        actor=actor,
        addresses=services.addresses,
        waiting_for_me=waiting_count(services, actor) if session is not None and actor is not None else 0,
        assets=f"{folder}/{{}}?v={request.app.state.assets}",
        **values,
    )
    return Response(
        body, status_code=status, media_type=MediaType.HTML, headers=dict(headers or {}), cookies=list(cookies)
    )


def ago(instant: datetime) -> str:
    """How long ago, in words that stay true for a while: ``just now``, ``5 min ago``, ``yesterday``, ``3 Mar 2026``."""
    passed = datetime.now(UTC) - instant
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 24 * 60:
        hours = minutes // 60
        return "1 hour ago" if hours == 1 else f"{hours} hours ago"
    if passed.days == 1:
        return "yesterday"
    return f"{passed.days} days ago" if passed.days < 7 else f"{instant:%-d %b %Y}"


def member_name(member: str) -> str:
    """A member of an app for people: an address as it is, a group by its name."""
    return f"Group {member.removeprefix(GROUP_PREFIX).strip('/')}" if member.startswith(GROUP_PREFIX) else member


def seconds(value: float) -> str:
    """``< 0.1 s``, ``0.4 s``, ``12 s``, ``1 min 5 s``."""
    if value < 0.1:
        return "< 0.1 s"
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def size(count: int) -> str:
    """``900 B``, ``28 kB``, ``1.3 GB``: powers of 1,000."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def initials(name: str) -> str:
    """Up to two letters that stand for a name."""
    words = name.split() or ["?"]
    return "".join(word[0] for word in (words[0], words[-1])[: len(words[:2])]).upper()


_ENVIRONMENT: Final = environment()
