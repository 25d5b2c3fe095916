"""One request at work: a thread of its own talks with the engine, the event loop hears of it, and either may end it.

Threads of the event loop's own pool are few and serve everybody; waiting for the model there would stop the studio.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import Counter
from contextvars import copy_context
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.core.answers import AnswerEnd
from appliance.core.events import Event
from appliance.core.ports import BodyKind, GenerationCancelled, Prompt
from appliance.db.repositories.usage import Cause
from appliance.studio.evidence import act, sealed_text
from appliance.web.openai.errors import rate_limited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from appliance.core.answers import AnswerPiece
    from appliance.core.ports import EngineDescription, GenerationSession, Message
    from appliance.db.records import ApiKey
    from appliance.web.openai.parameters import Asked
    from appliance.web.services import ApiServices, Services

WAITING: Final = "waiting"
"""Told while others go first."""


class Seats:
    """How many requests are at work or wait, over all and for each key. Safe for threads."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Take a seat.

        Raises:
            ApiError: there is none; 429.
        """
        with self._lock:
            if self._taken[key] >= self._each:
                raise rate_limited(f"This key has {self._each} requests under way already.", retry=5)
            if self._taken.total() >= self._total:
                raise rate_limited("The model is busy and its queue is full.")
            self._taken[key] += 1

    @property
    def taken(self) -> int:
        """How many are taken."""
        with self._lock:
            return self._taken.total()

    def leave(self, key: str) -> None:
        """Give it back."""
        with self._lock:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, for whom."""

    asked: Asked
    endpoint: str
    principal: str
    key: ApiKey
    model: EngineDescription
    groups: frozenset[str]
    """Of whoever holds the key."""
    data_class: str
    """Of the data that the words are about."""


class Run:
    """An answer under way. Made and heard on the event loop."""

    def __init__(self, services: Services, seats: Seats, order: Order) -> None:
        self._services, self._seats, self._order = services, seats, order
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Queue[AnswerPiece | AnswerEnd | str | BaseException] = asyncio.Queue()
        self._cancelled = threading.Event()
        self._session: GenerationSession | None = None
        self._over = False

    def start(self) -> None:
        """Begin.

        Raises:
            ApiError: too many are at work; 429.
        """
        self._seats.take(self._order.key.id)
        try:
            context = copy_context()
            threading.Thread(target=context.run, args=(self._carry_out,), name="api-answer", daemon=True).start()
        except BaseException:
            self._seats.leave(self._order.key.id)
            raise

    async def next(self) -> AnswerPiece | AnswerEnd | str:
        """What is heard next: :data:`WAITING`, a piece, or the end, after which nothing comes.

        Raises:
            IntramuralError, Exception: what ended it.
        """
        told = await self._heard.get()
        if isinstance(told, BaseException):
            self._over = True
            raise told
        self._over = isinstance(told, AnswerEnd)
        return told

    async def rest(self, first: AnswerPiece | AnswerEnd | str) -> AsyncIterator[AnswerPiece | AnswerEnd | str]:
        """``first`` and everything after it; when it is left early, the answer is given up."""
        try:
            told = first
            yield told
            while not isinstance(told, AnswerEnd):
                told = await self.next()
                yield told
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Give it up, in the middle of a step if need be; harmless when it is over."""
        if self._over:
            return
        self._cancelled.set()
        session = self._session
        if session is not None:
            session.cancel()

    def _carry_out(self) -> None:
        try:
            for told in self._answer():
                self._post(told)
        except BaseException as error:  # noqa: BLE001 - the last boundary of this thread: whoever waits must hear of it
            self._post(error)
        finally:
            self._seats.leave(self._order.key.id)

    def _answer(self) -> Iterator[AnswerPiece | AnswerEnd | str]:
        api, order = self._services.api, self._order
        asked, key = order.asked, order.key
        body = sealed_text(api.vault, _words(asked), subject=key.holder.subject, kind=BodyKind.PROMPT)
        details: dict[str, object] = {
            "body": body,
            "endpoint": order.endpoint,
            "key": key.id,
            "model": order.model.model,
            "digest": order.model.bundle_digest,
        }
        if asked.wanted.calling is not None:
            details["tools"] = len(asked.prompt.tools) if isinstance(asked.prompt, Prompt) else 0
        recorded = act(
            self._services.audit,
            Event.COMPLETION_REQUESTED,
            principal=order.principal,
            resource="model",
            details=details,
        )
        end: AnswerEnd | None = None
        calls = 0
        with recorded as evidence:
            prompt = replace(asked.with_texts(_screened(api, order)), scope=order.principal)
            with api.model.generator(self._on_queued).session(prompt) as session:
                self._session = session
                self._require_wanted()
                for told in session.answer(asked.wanted):
                    if isinstance(told, AnswerEnd):
                        end = told
                    else:
                        calls += sum(bool(call.name) for call in told.calls)
                        yield told
            if end is not None:
                evidence.details.update(_outcome(end, calls))
                self._count(end)
        if end is not None:
            yield end  # only now, so that whoever hears of the end finds it in the audit log

    def _count(self, end: AnswerEnd) -> None:
        key, read = self._order.key, {"prompt": end.prompt_tokens, "cached": end.cached_tokens}
        tokens = {**read, "sampled": end.completion_tokens}
        self._services.studio.quotas.spent(key.holder, self._order.groups, Cause.REQUEST, tokens)

    def _on_queued(self, _position: int) -> None:
        self._require_wanted()
        self._post(WAITING)

    def _require_wanted(self) -> None:
        if self._cancelled.is_set():
            message = "The request was given up."
            raise GenerationCancelled(message)

    def _post(self, told: AnswerPiece | AnswerEnd | str | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the service is stopping
            self._loop.call_soon_threadsafe(self._heard.put_nowait, told)


def _screened(api: ApiServices, order: Order) -> tuple[str, ...]:
    texts = order.asked.texts
    if api.screen is None:
        return texts
    return tuple(api.screen.pass_on(texts, principal=order.principal, data_class=order.data_class))


def _words(asked: Asked) -> str:
    """What is kept under seal of a request: everything that decides the answer."""
    wanted = asked.wanted
    if isinstance(asked.prompt, Prompt):
        said: object = [_turn(message) for message in asked.prompt.messages]
    else:
        said = dict(zip(("prompt", "suffix"), asked.texts, strict=True))
    form = {"syntax": wanted.form.syntax.value, "source": wanted.form.source}
    sampling = {"temperature": wanted.temperature, "top_p": wanted.top_p, "seed": wanted.seed}
    told = {"said": said, "form": form, **sampling, "max_tokens": wanted.max_tokens, "stop": list(wanted.stop)}
    if wanted.adjustment is not None:
        told["adjustment"] = asdict(wanted.adjustment)
    if wanted.calling is not None and isinstance(asked.prompt, Prompt):
        told["tools"] = [asdict(tool) for tool in asked.prompt.tools]
        told["calling"] = asdict(wanted.calling)
    return json.dumps(told, ensure_ascii=False)


def _turn(message: Message) -> dict[str, object]:
    turn: dict[str, object] = {"role": message.role, "content": message.content}
    return {**turn, "calls": [asdict(call) for call in message.calls]} if message.calls else turn


def _outcome(end: AnswerEnd, calls: int) -> dict[str, object]:
    called: dict[str, object] = {"calls": calls} if calls else {}
    return {
        **called,
        "finish": finish_reason(end, calls),
        "prompt_tokens": end.prompt_tokens,
        "cached_tokens": end.cached_tokens,
        "completion_tokens": end.completion_tokens,
    }


def finish_reason(end: AnswerEnd, calls: int = 0) -> str:
    """As the official API names it."""
    if not end.complete:
        return "length"
    return "tool_calls" if calls else "stop"
