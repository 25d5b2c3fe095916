"""The pages that add rows from a CSV file: choose or paste it, look at what would happen, then add."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from litestar import Controller, Response, get, post
from litestar.concurrency import sync_to_thread

from .access import Verb
from .csv_rows import MAX_ROWS, NoTable, Table, add_table, decode, fillable, read, refused_csv
from .files import Upload
from .web import AppRequest, Html, identity_of, page, read_sent, redirect, runtime_of

if TYPE_CHECKING:
    from .importing import Outcome
    from .records import Entity
    from .visit import Visit

SHOWN_ROWS: Final = 8
SHOWN_REFUSALS: Final = 50


class ImportPages(Controller):
    """Part of every record controller: ``GET`` and ``POST /E/import``."""

    entity: ClassVar[Entity]

    @get("/import", sync_to_thread=True)
    def show_import(self, request: AppRequest) -> Html:
        """Choose a file or paste a table."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            visit.require(self.entity, Verb.CREATE)
            return _page(request, visit, self.entity)

    @post("/import", status_code=200)
    async def import_rows(self, request: AppRequest) -> Html:
        """Look at the rows (nothing is kept), or add them: all, or those that fit."""
        sent = await read_sent(request)
        return await sync_to_thread(self._import, request, sent)

    def _import(self, request: AppRequest, sent: dict[str, object]) -> Html:
        step = str(sent.get("step", "look"))
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            visit.require(self.entity, Verb.CREATE)
            try:
                text = _given(sent)
                table = read(fillable(visit, self.entity), text)
            except NoTable as error:
                pasted = sent.get("text")
                shown = pasted if isinstance(pasted, str) else ""
                answer = _page(request, visit, self.entity, text=shown, problem=visit.language.tell(error), status=422)
                visit.session.rollback()
                return answer
            outcome = add_table(visit, self.entity, table)
            if step == "refused":
                visit.session.rollback()
                return _download(self.entity, refused_csv(table, outcome.refused, visit.language))
            added, left = len(outcome.ids), len(outcome.refused)
            if step == "add" and added and (not left or sent.get("mode") == "skip"):
                words = visit.language.some("{count} row added", "{count} rows added", added)
                if left:
                    words = visit.language.say("{added}, {left} left out", added=words, left=left)
                return redirect(request, f"/{self.entity.slug}", words)
            # Looking is adding and taking it back: what is shown is what would happen.
            visit.session.rollback()
        with runtime_of(request).visit(identity_of(request)) as visit:
            return _page(request, visit, self.entity, text=text, table=table, outcome=outcome)


def _given(sent: dict[str, object]) -> str:
    file, text = sent.get("file"), sent.get("text")
    if isinstance(file, Upload) and file.content:
        return decode(file.content)
    if isinstance(text, str) and text.strip():
        return text
    raise NoTable("Choose a CSV file, or paste a table.")


def _page(
    request: AppRequest,
    visit: Visit,
    entity: Entity,
    *,
    text: str = "",
    problem: str = "",
    status: int = 200,
    table: Table | None = None,
    outcome: Outcome | None = None,
) -> Html:
    return page(
        request,
        visit,
        "import.html",
        status=status,
        entity=entity,
        heading=visit.language.say("Import {records}", records=entity.nouns),
        fields=fillable(visit, entity),
        text=text,
        problem=problem,
        table=table,
        outcome=outcome,
        limit=MAX_ROWS,
        shown=SHOWN_ROWS,
        shown_refusals=SHOWN_REFUSALS,
    )


def _download(entity: Entity, content: bytes) -> Html:
    headers = {
        "content-disposition": f'attachment; filename="{entity.slug}-left-out.csv"',
        "cache-control": "no-store",
    }
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
