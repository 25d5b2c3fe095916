"""What an app needs to run on its own: container files, and the part of the README that explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming

if TYPE_CHECKING:
    from appliance.codegen.emit.names import Names

DOCKERIGNORE: Final = """.git
.venv
**/__pycache__
data
tests
compose.yaml
.env
"""


def dockerfile(names: Names) -> str:
    """The text of ``Dockerfile``: built in one stage, run in another, by a user without rights."""
    return f"""FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir '.[oidc,postgresql]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data app && mkdir /data && chown app:app /data
COPY --from=build /venv /venv
USER app
WORKDIR /data
VOLUME /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 APP_DATA_DIR=/data APP_LOGIN=accounts
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \\
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "{names.package}", "--host", "0.0.0.0", "--port", "8000"]
"""


def compose(names: Names) -> str:
    """The text of ``compose.yaml``: the app and a PostgreSQL of its own. The password comes from ``.env``."""
    name = naming.table_name(names.blueprint.name)
    return f"""services:
  app:
    build: .
    restart: unless-stopped
    depends_on:
      database:
        condition: service_healthy
    ports: ["127.0.0.1:8000:8000"]
    environment:
      APP_DATABASE_URL: postgresql+psycopg://{name}:${{DATABASE_PASSWORD:?set it in .env}}@database/{name}
      APP_LOGIN: ${{APP_LOGIN:-accounts}}
      APP_PUBLIC_URL: ${{APP_PUBLIC_URL:-}}
      APP_OIDC_ISSUER: ${{APP_OIDC_ISSUER:-}}
      APP_OIDC_CLIENT_ID: ${{APP_OIDC_CLIENT_ID:-}}
      APP_OIDC_CLIENT_SECRET: ${{APP_OIDC_CLIENT_SECRET:-}}
      APP_OIDC_ROLES_CLAIM: ${{APP_OIDC_ROLES_CLAIM:-groups}}
      APP_OIDC_ROLE_MAP: ${{APP_OIDC_ROLE_MAP:-}}
      APP_OIDC_TRUST_EMAIL: ${{APP_OIDC_TRUST_EMAIL:-}}
    volumes: ["files:/data", "./data:/import:ro"]
    read_only: true
    tmpfs: ["/tmp"]
    cap_drop: ["ALL"]
    security_opt: ["no-new-privileges:true"]
  database:
    image: postgres:17
    restart: unless-stopped
    environment:
      POSTGRES_USER: {name}
      POSTGRES_DB: {name}
      POSTGRES_PASSWORD: ${{DATABASE_PASSWORD:?set it in .env}}
    volumes: ["database:/var/lib/postgresql/data"]
    healthcheck:
      test: ["CMD-SHELL", "pg_isready -U {name}"]
      interval: 5s
      retries: 20
volumes:
  files:
  database:
"""


def readme_section(names: Names) -> str:
    """The part of ``README.md`` about running the app for other people."""
    roles = names.blueprint.roles
    role = f' --role "{roles[0]}"' if roles else " --owner"
    example = f'{{"staff": "{roles[0]}", "admins": ["@owner"]}}' if roles else '{"admins": ["@owner"]}'
    return f"""## Let others in

Without further settings only whoever has the printed link gets in, from this machine. For colleagues choose one:

**Accounts of its own** (`APP_LOGIN=accounts`): addresses and passwords, kept as scrypt hashes.

    python -m {names.package} users add ada@example.com --name Ada{role}
    python -m {names.package} users list
    python -m {names.package} users passwd ada@example.com
    python -m {names.package} users remove ada@example.com

**Your sign-in service** (`APP_LOGIN=oidc`, `pip install '.[oidc]'`): OpenID Connect, authorization code with PKCE.
Register `$APP_PUBLIC_URL/-/sign-in/callback` there.

| variable | meaning |
|---|---|
| `APP_PUBLIC_URL` | where browsers find the app, such as `https://app.example.com` |
| `APP_OIDC_ISSUER`, `APP_OIDC_CLIENT_ID`, `APP_OIDC_CLIENT_SECRET` | the client; no secret for a public one |
| `APP_OIDC_SCOPES` | default `openid profile email` |
| `APP_OIDC_ROLES_CLAIM` | where groups stand in the ID token; default `groups`, dots lead inwards |
| `APP_OIDC_ROLE_MAP` | groups to roles: `{example}`; without it a group is the role of that name |
| `APP_OIDC_TRUST_EMAIL` | `1`: take addresses without `email_verified`, if the service does not send it |

`--host 0.0.0.0` listens beyond this machine; put a server that speaks HTTPS in front and set `APP_PUBLIC_URL`.

## Bring and take data

    python -m {names.package} load data/      reads an exported folder into an empty database, SQLite or PostgreSQL
    python -m {names.package} dump backup/    writes such a folder

## In containers

    echo "DATABASE_PASSWORD=$(openssl rand -hex 24)" > .env
    docker compose up --detach --build
    docker compose exec app python -m {names.package} users add ada@example.com --owner
    docker compose exec app python -m {names.package} load /import
"""
