"""An expression means the same in Python and in SQL, for every row, whatever is empty."""

from __future__ import annotations

import datetime as dt
import math
import sys
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from appliance.blueprint import expressions as ex
from appliance.blueprint.expression_printer import WHEN, expression_text
from appliance.blueprint.expression_types import type_of
from appliance.blueprint.kinds import of_field_type
from appliance.blueprint.model import Choice, Scalar
from appliance.blueprint.parser import parse
from appliance.codegen.emit.logic import Conditions
from appliance.codegen.emit.names import Names
from appliance.codegen.render import render
from tests.fixtures.expression_strategies import Expressions
from tests.fixtures.postgresql import postgresql

GROUND = parse((Path(__file__).parents[1] / "fixtures" / "apps" / "expression_ground.app").read_text())
PACKAGE = "expression_ground_app"
TODAY = dt.date(2026, 11, 24)
WANTED = [
    *(ex.Kind.BOOLEAN, ex.Kind.NUMBER, ex.Kind.MONEY, ex.Kind.DATE, ex.Kind.DATETIME, ex.Kind.DURATION, ex.Kind.TEXT),
]
DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)) | st.dates(TODAY - dt.timedelta(9), TODAY + dt.timedelta(9))
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)) | st.datetimes(  # noqa: DTZ001 - wall clock
    dt.datetime(2026, 11, 23),  # noqa: DTZ001 - wall clock
    dt.datetime(2026, 11, 25),  # noqa: DTZ001 - wall clock
)
VALUES = {
    "number": st.sampled_from([0.0, 1.0, -2.5, 0.1, 3.0]) | st.floats(-1e6, 1e6).map(lambda found: round(found, 4)),
    "money": st.integers(-100_000, 100_000).map(lambda cents: Decimal(cents) / 100),
    "boolean": st.booleans(),
    "date": DAYS,
    "datetime": MOMENTS,
    "time": st.times(),
}
ASCII = st.sampled_from(["", "a", "Aa", "100%", "a_b", "x'; --"])


class AsciiExpressions(Expressions):
    """Letter case beyond ASCII is the business of PostgreSQL's locale, and said so in the manual."""

    texts = st.text(st.characters(codec="ascii", exclude_categories=("C",)), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The rendered models."""
    folder = tmp_path_factory.mktemp("ground")
    for path, content in render(GROUND):
        if path.startswith(PACKAGE) and "/routes/" not in path:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    sys.path.insert(0, str(folder))
    yield import_module(f"{PACKAGE}.models")
    sys.path.remove(str(folder))


@contextmanager
def opened(url):
    """A database with the tables of the models."""
    database = import_module(f"{PACKAGE}.kit.database").Database(url)
    database.create_tables()
    yield database
    database.close()


@pytest.fixture(scope="module")
def sqlite(models, tmp_path_factory):
    """An empty SQLite database."""
    with opened(f"sqlite:///{tmp_path_factory.mktemp('data') / 'ground.db'}") as database:
        yield database


@pytest.fixture(scope="module")
def server(models):
    """An empty PostgreSQL database."""
    with postgresql() as url, opened(url) as database:
        yield database


def _field(draw, item, links, texts):
    if item.required is False and draw(st.integers(0, 2)) == 0:
        return None
    if isinstance(item.type, Choice):
        return draw(st.sampled_from(item.type.options))
    if item.type is Scalar.PERSON or not isinstance(item.type, Scalar):
        return draw(st.sampled_from(links)) if links else None
    if item.type in (Scalar.TEXT, Scalar.LONGTEXT):
        return draw(texts)
    return draw(VALUES[item.type.value])


@st.composite
def worlds(draw, drawing=Expressions):
    """Rows of every entity, and expressions of every kind about one of them."""
    rows = {}
    texts = ASCII if drawing is AsciiExpressions else ASCII | st.just("Öl und ß")
    for entity in GROUND.entities:
        count = draw(st.integers(1, 3))
        rows[entity.name] = [
            {
                item.name: _field(draw, item, [1, 2] if item.type is Scalar.PERSON else [1, 2, 3], texts)
                for item in entity.fields
                if item.computed is None
            }
            for _ in range(count)
        ]
    entity = draw(st.sampled_from(GROUND.entities))
    found = []
    for kind in (ex.Kind.BOOLEAN, ex.Kind.BOOLEAN, *draw(st.lists(st.sampled_from(WANTED), min_size=2, max_size=4))):
        wanted = of_field_type(Scalar(kind.value)) if kind is not ex.Kind.DURATION else None
        drawn = drawing(draw, GROUND.entities, entity).of(wanted or type_of([], entity, ex.Days(1)), 3)
        found.append((drawn, wanted))
    return rows, entity, found


def _fill(models, session, rows):
    person = sys.modules[f"{PACKAGE}.kit.records"].Person
    for model in (models.Visit, models.Machine, models.Site, person):
        session.execute(delete(model))
    session.add(person(id=1, subject="ada", name="Ada", email="ada@example.com"))
    session.add(person(id=2, subject="bob", name="Bob", email="bob@example.com"))
    session.flush()
    counts = {"site": len(rows["Site"]), "machine": len(rows["Machine"])}
    for model in (models.Site, models.Machine, models.Visit):
        for index, values in enumerate(rows[model.__name__], start=1):
            kept = {
                name: None if name in counts and value is not None and value > counts[name] else value
                for name, value in values.items()
            }
            kept |= {
                name: False for name, value in kept.items() if value is None and name in ("open", "running", "done")
            }
            attributes = {getattr(models, model.__name__.upper()).field(name).attribute: v for name, v in kept.items()}
            session.add(model(id=index, **attributes))
        session.flush()


def _same(left, right):
    if isinstance(left, float) and isinstance(right, float):
        return left == right or math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    return left == right and type(left) is type(right)


def compare(models, database, world):
    """Every expression has the same value in Python and in SQL for every row, and holds for the same rows."""
    rows, entity, expressions = world
    conditions = Conditions(Names(GROUND))
    constants = [conditions.name(f"tried {index}", entity.name, *found) for index, found in enumerate(expressions)]
    space = {"__name__": f"{PACKAGE}.tried", "__package__": PACKAGE}
    exec(compile(conditions.module(), "tried.py", "exec"), space)  # noqa: S102 - what the emitter wrote is under test
    moment = import_module(f"{PACKAGE}.kit.conditions").Moment
    here = moment(today=TODAY, me=(1,), now=dt.datetime(2026, 11, 24, 12, 30))  # noqa: DTZ001 - wall clock
    model = getattr(models, entity.name)
    with database.writing() as session:
        _fill(models, session, rows)
    with database.reading() as session:
        found = {row.id: row for row in session.scalars(select(model))}
        for name, (expression, wanted) in zip(constants, expressions, strict=True):
            tried = space[name]
            said = expression_text(expression, GROUND.entities, entity, wanted=wanted, loosest=WHEN)
            value = tried if wanted is not None else tried.condition
            for row_id, in_sql in session.execute(select(model.id, value.column(here))):
                in_python = value.of(session, found[row_id], here)
                assert _same(in_python, in_sql), (said, in_python, in_sql, rows, conditions.module())
            if wanted is not None and wanted.kind is ex.Kind.BOOLEAN:
                chosen = set(session.scalars(select(model.id).where(value.clause(here))))
                assert chosen == {row_id for row_id, row in found.items() if value.holds(session, row, here)}, said


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_python_and_sqlite_agree(models, sqlite, world):
    compare(models, sqlite, world)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(AsciiExpressions))
def test_python_and_postgresql_agree(models, server, world):
    compare(models, server, world)
