"""The addresses of one kind of record. Each entity's module makes a subclass and may add addresses of its own."""

from __future__ import annotations

from typing import ClassVar

from litestar import get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath
from litestar.response import File

from .access import Verb
from .columns import Kind
from .export import MAX_EXPORT_ROWS, as_csv
from .files import disposition
from .forms import ChangedMeanwhile, Form, empty_form, form_of, read_form, save
from .import_pages import ImportPages
from .listing import every, find, read_query
from .pickers import SEARCHABLE_FROM, people_choices, ref_choices
from .records import Entity, StoredFile
from .related import blockers, related
from .titles import title
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
            query = read_query(self.entity, request.url.path, request.query_params.multi_items())
            listing = find(visit, self.entity, query)
            return page(request, visit, "list.html", entity=self.entity, listing=listing, heading=self.entity.plural)

    @get("/export.csv", sync_to_thread=True)
    def export(self, request: AppRequest) -> Html:
        """The same rows as the list, all of them, for a spreadsheet."""
        with runtime_of(request).visit(identity_of(request)) as visit:
            visit.require(self.entity, Verb.READ)
            query = read_query(self.entity, request.url.path, request.query_params.multi_items())
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
                request, visit, "delete.html", entity=self.entity, row=row, blockers=blockers(visit, self.entity, row)
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
            spec = self.entity.field(name)
            key = getattr(row, spec.attribute) if spec is not None and spec.is_upload else None
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

    def _save(self, request: AppRequest, sent: dict[str, object], row_id: int | None) -> Html:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            row = None
            if row_id is None:
                visit.require(self.entity, Verb.CREATE)
            else:
                row = visit.row(self.entity, row_id, Verb.EDIT)
            form = read_form(visit, self.entity, sent, row)
            try:
                saved = save(visit, form, row) if form.ok else None
            except ChangedMeanwhile:
                form.problem = (
                    f"Somebody changed this {self.entity.noun} meanwhile, so nothing was saved. Your text is still "
                    "below. Look at the other change, then save again to keep yours."
                )
                saved, form.version = None, row.version if row is not None else None
            if saved is None:
                answer = show_form(request, visit, form, row=row, status=422)
                visit.session.rollback()
                return answer
            done = "added" if row is None else "saved"
            return redirect(request, f"/{self.entity.slug}/{saved.id}", f"{title(self.entity, saved)} {done}")

    def _delete(self, request: AppRequest, row_id: int) -> Html:
        with runtime_of(request).visit(identity_of(request), writing=True) as visit:
            row = visit.row(self.entity, row_id, Verb.DELETE)
            found = blockers(visit, self.entity, row)
            if found:
                return page(request, visit, "delete.html", status=409, entity=self.entity, row=row, blockers=found)
            name = title(self.entity, row)
            keys = [key for spec in self.entity.uploads if (key := getattr(row, spec.attribute)) is not None]
            visit.session.delete(row)
            visit.session.flush()
            for key in keys:
                visit.runtime.files.forget(visit.session, key)
            return redirect(request, f"/{self.entity.slug}", f"{name} deleted")


def show_form(
    request: AppRequest, visit: Visit, form: Form, *, row: object = None, status: int = 200, heading: str = ""
) -> Html:
    """The page with a form, for a new row or for ``row``."""
    entity = form.entity
    refs = {spec.name: ref_choices(visit, spec) for spec in entity.fields if spec.kind is Kind.REF}
    heading = heading or (f"New {entity.noun}" if row is None else f"Edit {title(entity, row)}")
    return page(
        request,
        visit,
        "form.html",
        status=status,
        entity=entity,
        form=form,
        row=row,
        refs=refs,
        people=people_choices(visit) if entity.people else [],
        searchable_from=SEARCHABLE_FROM,
        heading=heading,
    )


def show_detail(request: AppRequest, visit: Visit, entity: Entity, row: object) -> Html:
    """The page of one row."""
    visit.learn(entity, [row])
    return page(
        request,
        visit,
        "detail.html",
        entity=entity,
        row=row,
        heading=title(entity, row),
        related=related(visit, entity, row),
    )
