"""The addresses of one kind of record. Each entity's module makes a subclass and may add addresses of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from litestar import get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath
from litestar.response import File

from .access import Verb
from .actions import NotNow, do, offered, undo
from .columns import Kind
from .export import MAX_EXPORT_ROWS, as_csv
from .files import disposition
from .forms import Form, empty_form, fields_of, form_of, read_form
from .fragments import drawn
from .history import happenings
from .import_pages import ImportPages
from .listing import every, find
from .pickers import SEARCHABLE_FROM, people_choices, ref_choices
from .query import read_query
from .records import Entity, StoredFile
from .related import blockers, related
from .saving import ChangedMeanwhile, delete, save
from .visit import NoSuchRow, Visit
from .web import AppRequest, Html, identity_of, page, read_sent, redirect, runtime_of


class RecordController(ImportPages):
    """List, export, add, look at, change and delete the rows of ``entity``."""

    entity: ClassVar[Entity]

    @get("/", sync_to_thread=True)
    def show_list(self, request: AppRequest) -> Html:
        """The list; see ``listing`` for its parameters."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            visit.require(self.entity, Verb.READ)
            query = read_query(request.url.path, request.query_params.multi_items())
            listing = find(visit, self.entity, query)
            return page(request, visit, "list.html", entity=self.entity, listing=listing, heading=self.entity.plural)

    @get("/export.csv", sync_to_thread=True)
    def export(self, request: AppRequest) -> Html:
        """The same rows as the list, all of them, for a spreadsheet."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            visit.require(self.entity, Verb.READ)
            query = read_query(request.url.path, request.query_params.multi_items())
            rows = every(visit, self.entity, query, None, MAX_EXPORT_ROWS)
            return as_csv(visit, self.entity, rows)

    @get("/new", sync_to_thread=True)
    def show_new(self, request: AppRequest) -> Html:
        """An empty form; parameters named like fields are filled in."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            visit.require(self.entity, Verb.CREATE)
            return show_form(request, visit, empty_form(visit, self.entity, dict(request.query_params.items())))

    @post("/new", status_code=303)
    async def create(self, request: AppRequest) -> Html:
        """Add a row."""
        sent = await read_sent(request)
        return await sync_to_thread(self._save, request, sent, None)

    @get("/{row_id:int}", sync_to_thread=True)
    def show(self, request: AppRequest, row_id: FromPath[int]) -> Html:
        """One row and what refers to it."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            row = visit.row(self.entity, row_id)
            return show_detail(request, visit, self.entity, row)

    @get("/{row_id:int}/edit", sync_to_thread=True)
    def show_edit(self, request: AppRequest, row_id: FromPath[int]) -> Html:
        """The form of a row."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            row = visit.row(self.entity, row_id, Verb.EDIT)
            return show_form(request, visit, form_of(visit, self.entity, row), row=row)

    @post("/{row_id:int}/edit", status_code=303)
    async def edit(self, request: AppRequest, row_id: FromPath[int]) -> Html:
        """Change a row."""
        sent = await read_sent(request)
        return await sync_to_thread(self._save, request, sent, row_id)

    @get("/{row_id:int}/delete", sync_to_thread=True)
    def show_delete(self, request: AppRequest, row_id: FromPath[int]) -> Html:
        """Ask before deleting; the list and the row open the same question in a dialog where scripts run."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            row = visit.row(self.entity, row_id, Verb.DELETE)
            return page(
                request,
                visit,
                "delete.html",
                entity=self.entity,
                row=row,
                blockers=blockers(visit, self.entity, row),
                problems=[],
            )

    @post("/{row_id:int}/delete", status_code=303)
    async def delete(self, request: AppRequest, row_id: FromPath[int]) -> Html:
        """Delete a row that nothing refers to."""
        await read_sent(request)
        return await sync_to_thread(self._delete, request, row_id)

    @get("/{row_id:int}/files/{name:str}", sync_to_thread=True)
    def download(self, request: AppRequest, row_id: FromPath[int], name: FromPath[str]) -> File:
        """A file of a row, for whoever may see the row."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            row = visit.row(self.entity, row_id)
            spec = visit.field(self.entity, name)
            readable = spec is not None and spec.is_upload and visit.access.reads(self.entity, spec, row)
            key = getattr(row, spec.attribute) if spec is not None and readable else None
            stored = visit.session.get(StoredFile, key) if key is not None else None
            path = visit.runtime.files.path(stored.key) if stored is not None else None
            if stored is None or path is None or not path.is_file():
                raise NoSuchRow("file")
            return File(
                path,
                filename=stored.filename,
                media_type=stored.content_type,
                content_disposition_type="inline" if disposition(stored.content_type) == "inline" else "attachment",
                headers={
                    "cache-control": "private, no-cache",
                    "content-security-policy": "default-src 'none'; sandbox",
                },
            )

    @post("/{row_id:int}/do/{slug:str}", status_code=303)
    async def act(self, request: AppRequest, row_id: FromPath[int], slug: FromPath[str]) -> Html:
        """Do one of the entity's actions; ``back`` is the page of this app to return to."""
        sent = await read_sent(request)
        return await sync_to_thread(self._act, request, sent, row_id, slug)

    @post("/{row_id:int}/undo/{entry_id:int}", status_code=303)
    async def take_back(self, request: AppRequest, row_id: FromPath[int], entry_id: FromPath[int]) -> Html:
        """Undo an action of one's own, as long as nothing has changed since."""
        sent = await read_sent(request)
        return await sync_to_thread(self._take_back, request, sent, row_id, entry_id)

    def _save(self, request: AppRequest, sent: dict[str, object], row_id: int | None) -> Html:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            say, row = visit.language.say, None
            if row_id is None:
                visit.require(self.entity, Verb.CREATE)
            else:
                row = visit.row(self.entity, row_id, Verb.EDIT)
            form = read_form(visit, self.entity, sent, row)
            try:
                saved = save(visit, form, row)
            except ChangedMeanwhile:
                form.problem = say(
                    "Somebody changed this {record} meanwhile, so nothing was saved. Your text is still below. "
                    "Look at the other change, then save again to keep yours.",
                    record=self.entity.noun,
                )
                saved, form.version = None, row.version if row is not None else None
            if saved is None:
                answer = show_form(request, visit, form, row=row, status=422)
                visit.session.rollback()
                return answer
            done = say("{title} added" if row is None else "{title} saved", title=visit.title(self.entity, saved))
            return redirect(request, f"/{self.entity.slug}/{saved.id}", done)

    def _delete(self, request: AppRequest, row_id: int) -> Html:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            row = visit.row(self.entity, row_id, Verb.DELETE)
            found, name = blockers(visit, self.entity, row), visit.title(self.entity, row)
            problems = [] if found else delete(visit, self.entity, row)
            if found or problems:
                asked = {"entity": self.entity, "row": row, "blockers": found, "problems": problems}
                return page(request, visit, "delete.html", status=409, **asked)
            return redirect(request, f"/{self.entity.slug}", visit.language.say("{title} deleted", title=name))

    def _act(self, request: AppRequest, sent: dict[str, object], row_id: int, slug: str) -> Html:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            row = visit.row(self.entity, row_id)
            try:
                entry = do(visit, self.entity, row, slug)
            except NotNow as refused:
                return _refused(request, visit, self.entity, row, refused)
            here = f"/{self.entity.slug}/{row_id}"
            done = visit.language.say("{title}: {action}", title=visit.title(self.entity, row), action=entry.title)
            stays = visit.access.covers(self.entity, Verb.READ, row)
            back = _back(sent, here if stays else "/")
            return redirect(request, back, done, undo=f"{here}/undo/{entry.id}" if stays else "")

    def _take_back(self, request: AppRequest, sent: dict[str, object], row_id: int, entry_id: int) -> Html:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            row = visit.row(self.entity, row_id)
            try:
                entry = undo(visit, self.entity, row, entry_id)
            except NotNow as refused:
                return _refused(request, visit, self.entity, row, refused)
            undone = visit.language.say("“{action}” taken back", action=entry.title)
            return redirect(request, _back(sent, f"/{self.entity.slug}/{row_id}"), undone)


def _back(sent: dict[str, object], otherwise: str) -> str:
    """The page that the form was on: an address of this app and of nothing else."""
    asked = sent.get("back")
    own = isinstance(asked, str) and re.fullmatch(r"/(?![/\\])[\x21-\x7e]{0,500}", asked) is not None
    return str(asked) if own and "\\" not in str(asked) else otherwise


def _refused(request: AppRequest, visit: Visit, entity: Entity, row: Any, refused: NotNow) -> Html:
    """What speaks against it, beside the row as it is now."""
    visit.session.rollback()
    return show_detail(request, visit, entity, row, status=409, reasons=refused.reasons)


def show_form(
    request: AppRequest, visit: Visit, form: Form, *, row: Any = None, status: int = 200, heading: str = ""
) -> Html:
    """The page with a form, for a new row or for ``row``."""
    entity, say = form.entity, visit.language.say
    fields = fields_of(visit, entity, row)
    refs = {spec.name: ref_choices(visit, spec) for spec in fields if spec.kind is Kind.REF}
    if not heading:
        new = row is None
        heading = (
            say("New {record}", record=entity.noun) if new else say("Edit {title}", title=visit.title(entity, row))
        )
    return page(
        request,
        visit,
        "form.html",
        status=status,
        entity=entity,
        fields=fields,
        settable={spec.name for spec in fields if visit.access.sets(entity, spec, row)},
        form=form,
        row=row,
        refs=refs,
        people=people_choices(visit) if any(spec.kind is Kind.PERSON for spec in fields) else [],
        searchable_from=SEARCHABLE_FROM,
        heading=heading,
    )


def show_detail(
    request: AppRequest, visit: Visit, entity: Entity, row: Any, *, status: int = 200, reasons: Sequence[str] = ()
) -> Html:
    """The page of one row; ``reasons``: why something was just refused."""
    visit.learn(entity, [row])
    activity, older = happenings(visit, entity, row)
    return page(
        request,
        visit,
        "detail.html",
        status=status,
        entity=entity,
        row=row,
        heading=visit.title(entity, row),
        related=related(visit, entity, row),
        actions=offered(visit, entity, row),
        activity=activity,
        older=older,
        reasons=reasons,
        fragments=drawn(visit, entity, row),
    )
