"""``tests/test_api.py``: the app's JSON API held against its contract, with the app's own pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import OWNER
from appliance.contract.binding import Does
from appliance.contract.resources import is_plain_path

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.codegen.emit.names import Names
    from appliance.contract.binding import Binding

_HEAD: Final = '''"""The JSON API: every operation of the contract is there, closed to strangers, answers as it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import Client
from {package}.api import API

# method, address with a record that is not there, whether it does something
OPERATIONS = (
{operations})

# the address of a list, and where in the answer the rows stand
LISTS: tuple[tuple[str, tuple[str, ...]], ...] = (
{lists})


@pytest.mark.parametrize(("method", "address", "served"), OPERATIONS)
def test_an_operation_is_closed_without_identity_and_to_strangers(
    sign_in: Callable[..., Client], method: str, address: str, served: bool
) -> None:
    client = sign_in("a stranger")
    refused = client.request(method, address, json={{}})
    assert refused.status_code == (403 if served else 501)
    assert "json" in refused.headers["content-type"]
    del client.headers["X-Intramural-Identity"]
    refused = client.request(method, address, json={{}})
    assert refused.status_code == 401
    assert "json" in refused.headers["content-type"]


@pytest.mark.parametrize(("address", "rows"), LISTS)
def test_a_list_answers_as_the_contract_says(
    sign_in: Callable[..., Client], address: str, rows: tuple[str, ...]
) -> None:
    answer = sign_in("{owner}").get(address)
    assert answer.status_code == 200
    operation = next(one for one in API.operations if one.does == "list" and API.base + one.path == address)
    found = answer.json()
    for name in rows:
        found = found[name]
    assert operation.shown is not None
    for row in found:
        operation.shown.model.model_validate(row)


@pytest.mark.parametrize(("method", "address", "served"), [one for one in OPERATIONS if one[0] != "GET" and one[2]])
def test_another_site_changes_nothing(
    sign_in: Callable[..., Client], method: str, address: str, served: bool
) -> None:
    client = sign_in("{owner}")
    answer = client.request(method, address, json={{}}, headers={{"Origin": "https://elsewhere.example.org"}})
    assert answer.status_code == 403
'''


def test_api(names: Names, binding: Binding, written: Collection[str]) -> str:
    """The text of ``tests/test_api.py``. ``written``: operations whose functions are there."""
    served = {one.called for one in binding.served} | set(written)
    operations = "".join(
        f"    ({one.method!r}, {binding.base + _filled(one.path)!r}, {one.called in served!r}),\n"
        for one in binding.operations
        if is_plain_path(one.path)
    )
    lists = "".join(
        f"    ({binding.base + one.path!r}, {one.wrap.rows if one.wrap is not None else ()!r}),\n"
        for one in binding.operations
        if one.does is Does.LIST and not one.parents and not any(item.required for item in one.asked)
    )
    return _HEAD.format(package=names.package, operations=operations, lists=lists, owner=OWNER)


def _filled(path: str) -> str:
    """A path whose parameters name nothing."""
    return "/".join("0" if part.startswith("{") else part for part in path.split("/"))
