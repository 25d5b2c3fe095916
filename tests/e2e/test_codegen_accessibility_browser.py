"""axe-core finds no serious fault on any kind of page; ``intramural bench accessibility`` looks at every template."""

from __future__ import annotations

import datetime as dt

import pytest

from appliance.blueprint.naming import slug
from appliance.blueprint.parser import parse
from appliance.gallery.templates import templates
from tests.fixtures.accessibility import EVERY_SCREEN, addresses, glass, kiosks
from tests.fixtures.generated_apps import served
from tests.fixtures.screens_app import fill, screens_blueprint

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def window():
    with glass() as opened:
        yield opened


def test_every_kind_of_page_full_of_rows_is_without_serious_faults(window, tmp_path):
    made = screens_blueprint()
    with served(made, tmp_path, examples=False) as app:
        fill(app, jobs=60, visitors=20)
        window.show(app)
        one_of_each = {type(page): f"/pages/{slug(page.title)}" for page in made.pages}
        assert len(one_of_each) == 8
        assert window.hold([*one_of_each.values(), "/job/1", "/job/1/edit"], EVERY_SCREEN).faults == []
        others = ["/job", "/job/1/delete", "/job/import", "/pages/visits?show=week", "/pages/schedule?show=list"]
        assert window.hold([*others, "/job/999"]).faults == []
        window.show(app, public=True)
        held = window.hold_kiosks(kiosks(made), EVERY_SCREEN)
        assert (held.runs, held.faults) == (4, [])


def test_the_template_of_the_day_is_without_serious_faults(window, tmp_path):
    found = templates()
    template = found[dt.datetime.now(dt.UTC).date().toordinal() % len(found)]
    blueprint = parse(template.blueprint_text)
    with served(blueprint, tmp_path) as app:
        window.show(app)
        assert window.hold(addresses(blueprint, app)).faults == [], template.slug


def test_a_fault_would_be_found(window, tmp_path):
    with served(screens_blueprint(), tmp_path, examples=False) as app:
        window.show(app)
        window.page.goto("http://app.example/site/new")
        window.page.evaluate(
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<a href=\"/\"></a><input type=\"text\">')"
        )
        assert {fault.split(": ")[1] for fault in window.look("here", EVERY_SCREEN).faults} == {"link-name", "label"}
