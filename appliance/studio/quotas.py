"""Quotas by person and department, and what was used: counted from what is stored, over the last 24 hours."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Refused
from appliance.db.records import BuildState
from appliance.db.repositories.usage import Cause, Spent, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from appliance.core.clock import Clock
    from appliance.core.ports import Person
    from appliance.core.settings import QuotaSettings
    from appliance.db.repositories.usage import Usage
    from appliance.studio.people import Actor

DAY: Final = timedelta(hours=24)
MAX_DAYS: Final = 400
USUAL_SECONDS: Final = 60.0
"""How long a build takes as long as none has been measured here."""
HEADINGS: Final = (
    "department", "subject", "name", "builds", "done", "failed", "cancelled", "wishes", "requests", "tokens", "seconds",
)  # fmt: skip


class QuotaReached(Refused):
    """A person or a department has used up what is allowed; ``again`` is when the next one is possible."""

    code = "quota_reached"

    def __init__(self, message: str, *, again: datetime, now: datetime) -> None:
        self.again = again
        self.seconds = max(1, int((again - now).total_seconds()) + 1)
        super().__init__(message, action=f"Possible again {_in_words(again, now)}; your words stay in the box.")


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one person of one department used; ``subject`` is empty in the sum of a department."""

    department: str
    subject: str
    name: str
    builds: int
    done: int
    failed: int
    cancelled: int
    wishes: int
    requests: int
    tokens: int
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """JSON values, by heading."""
        return {heading: getattr(self, heading) for heading in HEADINGS}


class Quotas:
    """Refuses what is over a quota, says how long a wait is, and reports."""

    def __init__(self, usage: Usage, settings: QuotaSettings, clock: Clock) -> None:
        self._usage, self._settings, self._clock = usage, settings, clock

    @property
    def at_once(self) -> int:
        """How many builds of one person may wait or run."""
        return self._settings.person_at_once

    def department_of(self, groups: Iterable[str]) -> str:
        """The department that somebody in these groups belongs to; empty for none. Of several, the first by name."""
        prefix = self._settings.departments.strip("/") + "/"
        found = sorted(group.strip("/") for group in groups if group.strip("/").startswith(prefix))
        return found[0].removeprefix(prefix) if found else ""

    def admit(self, actor: Actor) -> None:
        """Let somebody ask for one more build.

        Raises:
            QuotaReached: they, or their department, have used up a day's worth.
        """
        limits = self._settings
        self._admit(
            actor.person.subject,
            self.department_of(actor.groups),
            builds=(limits.person_builds_per_day, limits.department_builds_per_day),
        )

    def admit_words(self, subject: str, groups: Iterable[str]) -> None:
        """Let somebody, or a program of theirs, ask the model once more outside of a build.

        Raises:
            QuotaReached: they, or their department, have used up a day's worth of tokens.
        """
        self._admit(subject, self.department_of(groups), builds=(0, 0))

    def spent(self, person: Person, groups: Iterable[str], cause: Cause, tokens: Mapping[str, int]) -> None:
        """Count what was asked outside of a build; ``tokens`` by name as in ``TokenUsage``."""
        department, count = self.department_of(groups), tokens_of(tokens.items())
        at = self._clock.now()
        self._usage.add(Spent(at, person.subject, person.name, department, BuildState.DONE, count, 0.0, cause))

    def _admit(self, subject: str, department: str, *, builds: tuple[int, int]) -> None:
        limits, now = self._settings, self._clock.now()
        start = now - DAY
        if builds[0] or limits.person_tokens_per_day:
            mine = self._usage.since(start, subject=subject)
            self._check("You have", mine, builds[0], limits.person_tokens_per_day, now)
        if department and (builds[1] or limits.department_tokens_per_day):
            ours = self._usage.since(start, department=department)
            said = f"Your department, {department}, has"
            self._check(said, ours, builds[1], limits.department_tokens_per_day, now)

    @staticmethod
    def _check(who: str, spent: Sequence[Spent], builds: int, tokens: int, now: datetime) -> None:
        built = [one for one in spent if one.cause is Cause.BUILD]
        if builds and len(built) >= builds:
            allowed = "one is" if builds == 1 else f"{builds:,} are"
            message = (
                f"{who} asked for {len(built):,} build{'' if len(built) == 1 else 's'} in 24 hours; {allowed} allowed."
            )
            raise QuotaReached(message, again=built[len(built) - builds].at + DAY, now=now)
        used = sum(one.tokens for one in spent)
        if tokens and used >= tokens:
            message = f"{who} used {used:,} of the model’s tokens in 24 hours; {tokens:,} are allowed."
            left, again = used, now
            for one in spent:
                left -= one.tokens
                again = one.at + DAY
                if left < tokens:
                    break
            raise QuotaReached(message, again=again, now=now)

    def build_seconds(self) -> float:
        """How long a build takes here: the median of the last ones."""
        taken = sorted(one for one in self._usage.recent_seconds() if one > 0)
        return taken[len(taken) // 2] if taken else USUAL_SECONDS

    def report(self, days: int) -> list[UsageRow]:
        """What each person used in the last ``days``, each department followed by its people, the greatest first.

        Raises:
            Refused: not between 1 and 400 days.
        """
        if not 1 <= days <= MAX_DAYS:
            message = f"Usage can be shown for 1 to {MAX_DAYS} days."
            raise Refused(message, action="Choose another number of days.")
        groups: dict[str, dict[str, list[Spent]]] = defaultdict(lambda: defaultdict(list))
        for one in self._usage.since(self._clock.now() - timedelta(days=days)):
            groups[one.department][one.subject].append(one)
        told: list[tuple[UsageRow, list[UsageRow]]] = []
        for department, people in groups.items():
            rows = [_row(department, subject, spent[-1].name, spent) for subject, spent in people.items()]
            everything = [one for spent in people.values() for one in spent]
            rows.sort(key=lambda row: (-row.tokens, -row.builds, row.name))
            told.append((_row(department, "", "", everything), rows))
        told.sort(key=lambda one: (-one[0].tokens, -one[0].builds, one[0].department))
        return [row for total, rows in told for row in (total, *rows)]


def as_csv(rows: Iterable[UsageRow]) -> str:
    """RFC 4180, with headings; a cell that a spreadsheet would take for a formula is quoted by an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(HEADINGS)
    for row in rows:
        cells = [str(value) for value in row.as_dict().values()]
        writer.writerow([f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell for cell in cells])
    return stream.getvalue()


def _row(department: str, subject: str, name: str, spent: Sequence[Spent]) -> UsageRow:
    built = [one for one in spent if one.cause is Cause.BUILD]

    def count(state: BuildState) -> int:
        return sum(one.state is state for one in built)

    return UsageRow(
        department=department,
        subject=subject,
        name=name,
        builds=len(built),
        done=count(BuildState.DONE),
        failed=count(BuildState.FAILED),
        cancelled=count(BuildState.CANCELLED),
        wishes=sum(one.cause is Cause.WISH for one in spent),
        requests=sum(one.cause is Cause.REQUEST for one in spent),
        tokens=sum(one.tokens for one in spent),
        seconds=round(sum(one.seconds for one in spent), 1),
    )


def _in_words(again: datetime, now: datetime) -> str:
    minutes = max(1, round((again - now).total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    wait = f"{hours} h {rest} min" if hours else f"{rest} min"
    return f"at {again.strftime('%H:%M')} UTC, in {wait}"
