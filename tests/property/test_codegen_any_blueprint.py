"""Any blueprint becomes a project that compiles, passes ruff, imports, boots and opens every page for its owner."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from ruff.__main__ import find_ruff_bin

from appliance.blueprint import naming
from appliance.blueprint.model import PUBLIC
from appliance.blueprint.parser import parse
from appliance.codegen.errors import RenderError
from appliance.codegen.render import render
from tests.fixtures.blueprint_strategies import blueprints
from tests.fixtures.generated_apps import served


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(blueprints())
def test_any_blueprint_becomes_a_running_app(made):
    try:
        tree = render(made)
    except RenderError:
        slugs = [naming.slug(entity.name) for entity in made.entities]
        assert naming.RESERVED_SLUGS & set(slugs) or len(set(slugs)) < len(slugs)
        return
    assert parse(tree.text("blueprint.app")) == made
    for path, content in tree:
        if path.endswith(".py") and "/kit/" not in path:
            compile(content, path, "exec")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with served(made, root) as app:
            checked = subprocess.run(
                [find_ruff_bin(), "check", "--no-cache", "."],
                cwd=root / "code",
                capture_output=True,
                text=True,
                check=False,
            )
            assert checked.returncode == 0, checked.stdout
            for page in made.pages:
                answer = app.owner.get(f"/pages/{naming.slug(page.title)}")
                assert answer.status_code == 200, (page, answer.text[-2000:])
                assert answer.text.count("<h1") == 1
                for address in set(re.findall(r'<a [^>]*href="(/[^"#]*)"', answer.text)):
                    person = app.as_(PUBLIC) if address.startswith("/kiosk/") else app.owner
                    found = person.get(address.replace("&amp;", "&"))
                    assert found.status_code in (200, 303), address
            for entity in made.entities:
                for path in ("", "/new"):
                    assert app.owner.get(f"/{naming.slug(entity.name)}{path}").status_code == 200
                assert app.owner.post(f"/{naming.slug(entity.name)}/new").status_code in (303, 422)
                assert app.as_("nobody").get(f"/{naming.slug(entity.name)}").status_code == 403
