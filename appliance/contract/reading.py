"""An OpenAPI 3.0 or 3.1 text to its description. Pure: bytes in, a decision out, nothing is fetched."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final
from urllib.parse import urlsplit

from appliance.contract.description import Description, Operation, Parameter, Place, Response
from appliance.contract.document import read_document
from appliance.contract.errors import ContractRefused, pointer
from appliance.contract.resolve import Resolver

MAX_OPERATIONS: Final = 80
METHODS: Final = ("get", "post", "put", "patch", "delete")
_OTHERS: Final = ("head", "options", "trace")
_BASE: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_NAMED: Final = re.compile(r"\{([^{}/]+)\}")
_PATH: Final = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-]|\{[^{}/]+\})*)+")


def read_contract(content: bytes) -> Description:
    """Read a contract.

    Raises:
        ContractRefused: it is no such document, refers to others, contains itself, or contradicts itself.
    """
    document = read_document(content)
    version = document.get("openapi")
    if "swagger" in document:
        message = "This is a Swagger 2.0 document."
        raise ContractRefused(message, where="#/swagger", action="Convert it to OpenAPI 3 first.")
    if not isinstance(version, str) or not re.fullmatch(r"3\.[01]\.\d+", version):
        message = f"“openapi” is {version!r}." if version is not None else "“openapi” is missing."
        raise ContractRefused(message, where="#/openapi", action='Write openapi: "3.1.0" or "3.0.3".')
    info = _object(document.get("info"), "#/info", "info")
    title = info.get("title")
    if not isinstance(title, str) or not title.strip():
        raise ContractRefused("The contract has no title.", where="#/info/title", action="Write what it is called.")
    resolver = Resolver(document)
    paths = _object(document.get("paths"), "#/paths", "paths")
    base, notes = _base(document.get("servers"))
    operations = _operations(paths, resolver, notes)
    components = document.get("components")
    schemas = components.get("schemas", {}) if isinstance(components, dict) else {}
    unused = tuple(name for name in schemas if name not in resolver.used) if isinstance(schemas, dict) else ()
    return Description(
        title=" ".join(title.split()),
        about=_text(info.get("description")),
        version=_text(info.get("version")),
        digest=hashlib.sha256(content).hexdigest(),
        base=base,
        operations=operations,
        unused=unused,
        notes=tuple(notes),
    )


def _object(value: Any, where: str, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ContractRefused(f"“{name}” must be an object.", where=where, action="See OpenAPI 3, section 4.")
    return value


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _base(servers: Any) -> tuple[str, list[str]]:
    """The path of the first server, with its variables at their defaults."""
    if not isinstance(servers, list) or not servers or not isinstance(servers[0], dict):
        return "", []
    notes = ["Only the path of the first server counts; the app has an address of its own."] if len(servers) > 1 else []
    address = str(servers[0].get("url", ""))
    variables = servers[0].get("variables")
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        if isinstance(variable, dict):
            address = address.replace(f"{{{name}}}", str(variable.get("default", "")))
    try:
        path = urlsplit(address).path.rstrip("/")
    except ValueError:
        path = "?"
    if path and not path.startswith("/"):
        path = f"/{path}"
    if not _BASE.fullmatch(path):
        return "/api", [*notes, f"“{address}” cannot be part of an address, so the API is below /api."]
    return path, notes


def _operations(paths: dict[str, Any], resolver: Resolver, notes: list[str]) -> tuple[Operation, ...]:
    found: list[Operation] = []
    shapes: dict[str, str] = {}
    for path, value in paths.items():
        if path.startswith("x-"):
            continue
        where = pointer("paths", path)
        _check_path(path, where, shapes)
        item = resolver.plain(value, where, "A path")
        for name in _OTHERS:
            if name in item:
                notes.append(f"{name.upper()} {path} is left to the server.")
        for method in METHODS:
            if method in item:
                found.append(_operation(method, path, item, resolver))
    if not found:
        raise ContractRefused("The contract has no operation.", where="#/paths", action="Add one, such as GET /items.")
    if len(found) > MAX_OPERATIONS:
        message = f"The contract has {len(found)} operations; an app serves up to {MAX_OPERATIONS}."
        raise ContractRefused(message, where="#/paths", action="Split it into several contracts.")
    _check_ids(found)
    return tuple(found)


def _check_path(path: str, where: str, shapes: dict[str, str]) -> None:
    if not _PATH.fullmatch(path) or len(path) > 300:
        message = f"“{path}” is no path."
        raise ContractRefused(message, where=where, action="Start it with / and use letters, digits and {names}.")
    shape = _NAMED.sub("{}", path).rstrip("/")
    if shape in shapes:
        message = f"“{path}” and “{shapes[shape]}” are the same path with other names."
        raise ContractRefused(message, where=where, action="Keep one of them.")
    shapes[shape] = path


def _check_ids(operations: list[Operation]) -> None:
    seen: dict[str, str] = {}
    for operation in operations:
        if operation.id in seen:
            message = f"{operation.called} and {seen[operation.id]} have the same operationId “{operation.id}”."
            raise ContractRefused(message, where=operation.where, action="Give each operation its own.")
        seen[operation.id] = operation.called


def _operation(method: str, path: str, item: dict[str, Any], resolver: Resolver) -> Operation:
    where = pointer("paths", path, method)
    value = _object(item[method], where, method)
    parameters: dict[tuple[str, Place], Parameter] = {}
    for holder, at in ((item, pointer("paths", path)), (value, where)):
        own: set[tuple[str, Place]] = set()
        for number, one in enumerate(_items(holder, "parameters", at)):
            parameter = _parameter(one, f"{at}/parameters/{number}", resolver)
            key = (parameter.name, parameter.place)
            if key in own:
                message = f"The parameter “{parameter.name}” is there twice."
                raise ContractRefused(message, where=parameter.where, action="Remove one of them.")
            own.add(key)
            parameters[key] = parameter
    _check_path_parameters(path, parameters, where)
    body, required, foreign, examples = _body(value.get("requestBody"), where, resolver)
    return Operation(
        id=_text(value.get("operationId")) or _made_up_id(method, path),
        method=method.upper(),
        path=path,
        summary=_text(value.get("summary")),
        description=_text(value.get("description")),
        parameters=tuple(parameters.values()),
        body=body,
        body_required=required,
        responses=_responses(value.get("responses"), where, resolver),
        where=where,
        foreign=foreign,
        examples=examples,
    )


def _made_up_id(method: str, path: str) -> str:
    return "_".join([method, *re.findall(r"[A-Za-z0-9]+", path)])


def _items(holder: dict[str, Any], key: str, where: str) -> list[Any]:
    found = holder.get(key, [])
    if not isinstance(found, list):
        raise ContractRefused(f"“{key}” must be a list.", where=f"{where}/{key}", action="Write [ … ].")
    return found


def _parameter(value: Any, where: str, resolver: Resolver) -> Parameter:
    told = resolver.plain(value, where, "A parameter")
    name, place = told.get("name"), told.get("in")
    if not isinstance(name, str) or not name or place not in set(Place):
        message = "A parameter needs a name and “in”: path, query, header or cookie."
        raise ContractRefused(message, where=where, action="Add what is missing.")
    schema = told.get("schema")
    if schema is None and isinstance(told.get("content"), dict):
        schema = {"x-content": True}
    made = resolver.schema(schema if schema is not None else {}, f"{where}/schema")
    return Parameter(name, Place(place), told.get("required") is True, made, where)


def _check_path_parameters(path: str, parameters: dict[tuple[str, Place], Parameter], where: str) -> None:
    named = _NAMED.findall(path)
    if len(set(named)) < len(named):
        message = f"“{path}” names a parameter twice."
        raise ContractRefused(message, where=where, action="Give each its own name.")
    described = {parameter.name for parameter in parameters.values() if parameter.place is Place.PATH}
    for name in named:
        if name not in described:
            message = f"“{{{name}}}” of the path is described by no parameter."
            raise ContractRefused(message, where=where, action=f"Add a parameter “{name}” with in: path.")
    for name in sorted(described - set(named)):
        message = f"The path parameter “{name}” is not in the path “{path}”."
        raise ContractRefused(message, where=where, action=f"Write {{{name}}} into the path, or remove it.")


def _json_media(content: Any, where: str) -> tuple[str, dict[str, Any]] | None:
    """The first media type that is JSON (RFC 6838, 4.2.8), and what is said about it."""
    if not isinstance(content, dict):
        return None
    for media, told in content.items():
        plain = media.partition(";")[0].strip().lower()
        if plain == "application/json" or plain.endswith("+json") or plain in ("*/*", "application/*"):
            found = _object(told, f"{where}/content{pointer(media)[1:]}", media)
            return ("application/json" if "*" in plain else plain), found
    return None


def _examples(told: dict[str, Any], resolver: Resolver, where: str) -> tuple[Any, ...]:
    found = [told["example"]] if "example" in told else []
    named = told.get("examples")
    for item in named.values() if isinstance(named, dict) else ():
        example = resolver.plain(item, where, "An example")
        if "value" in example:
            found.append(example["value"])
    return tuple(found)


def _body(value: Any, where: str, resolver: Resolver) -> tuple[dict[str, Any] | None, bool, str, tuple[Any, ...]]:
    if value is None:
        return None, False, "", ()
    where = f"{where}/requestBody"
    told = resolver.plain(value, where, "A request body")
    required = told.get("required") is True
    found = _json_media(told.get("content"), where)
    if found is None:
        content = told.get("content")
        other = next(iter(content), "nothing") if isinstance(content, dict) else "nothing"
        return None, required, str(other), ()
    media, inside = found
    schema = resolver.schema(inside.get("schema", {}), f"{where}/content{pointer(media)[1:]}/schema")
    return schema, required, "", _examples(inside, resolver, where)


def _responses(value: Any, where: str, resolver: Resolver) -> tuple[Response, ...]:
    where = f"{where}/responses"
    told = _object(value, where, "responses")
    made: list[Response] = []
    for status, item in told.items():
        if status.startswith("x-"):
            continue
        at = f"{where}/{status}"
        if not re.fullmatch(r"[1-5](?:\d\d|XX)|default", status):
            message = f"“{status}” is no status."
            raise ContractRefused(message, where=at, action="Write 200, 4XX or default.")
        answer = resolver.plain(item, at, "A response")
        found = _json_media(answer.get("content"), at)
        if found is None:
            content = answer.get("content")
            other = next(iter(content), "") if isinstance(content, dict) else ""
            made.append(Response(status, None, str(other)))
            continue
        media, inside = found
        schema = resolver.schema(inside.get("schema", {}), f"{at}/content{pointer(media)[1:]}/schema")
        made.append(Response(status, schema, media, _examples(inside, resolver, at)))
    if not any(response.status[0] in "2d" for response in made):
        message = "This operation has no successful answer."
        raise ContractRefused(message, where=where, action="Add one, such as 200.")
    return tuple(made)
