"""Where a sign-in may lead: a path on this site, whatever a browser makes of odd spellings."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.identity.errors import ReturnUrlRefused
from appliance.identity.return_url import safe_return_url

BASE = "http://studio.intramural.localhost:8080/auth/callback"


@pytest.mark.parametrize(
    "value", ["/", "/apps/loans", "/apps/loans?tab=history&q=a%20b", "/a#b", "/x@y:z", "/caf%C3%A9", "/a?next=//b"]
)
def test_paths_are_kept_as_they_are(value: str) -> None:
    assert safe_return_url(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "apps",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a//evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/a/../b",
        "/%2e%2e/b",
        "/%2E./b",
        "/a/.",
        "/%2fevil.example",
        "/%5cevil.example",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "/\tevil",
        "/\n/evil.example",
        "/a b",
        "/a%0d%0aSet-Cookie:x=1",
        "/a%00",
        "/a%7f",
        "/a%",
        "/a%zz",
        "/ü",
        "/\u2044evil.example",
        "/a[b]",
        "/a<b>",
        " /a",
        "/" + "a" * 2000,
    ],
)
def test_everything_else_is_refused(value: str) -> None:
    with pytest.raises(ReturnUrlRefused):
        safe_return_url(value)


@given(st.text(st.sampled_from("/\\.:@?#%25efEF ab\t\r\n0;=&")) | st.text())
def test_whatever_is_accepted_stays_on_the_site(value: str) -> None:
    try:
        safe_return_url(value)
    except ReturnUrlRefused:
        return
    browser = value.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    target = urlsplit(urljoin(BASE, browser))
    assert (target.scheme, target.netloc) == urlsplit(BASE)[:2]
    assert target.path.startswith("/")
    assert not target.path.startswith("//")
