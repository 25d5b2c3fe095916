"""Reading and showing values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.codegen.kit import display
from appliance.codegen.kit.columns import FieldSpec, Kind
from appliance.codegen.kit.security import Signer, same_origin
from appliance.codegen.kit.settings import Settings, SettingsError
from appliance.codegen.kit.values import Invalid, parse


def read(kind, text, **more):
    return parse(FieldSpec(label="x", kind=kind, **more), text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("9.5", "9.50"),
        ("9,50", "9.50"),
        ("1,250.00", "1250.00"),
        ("1 250,5", "1250.50"),
        ("1'250'000", "1250000.00"),
        ("-3", "-3.00"),
    ],
)
def test_amounts_as_people_write_them(text, amount):
    assert str(read(Kind.MONEY, text)) == amount


@pytest.mark.parametrize("text", ["1,250", "9.505", "nan", "inf", "1e99", "", "ten", "\uff11" * 16, "0x1F"])
def test_amounts_that_cannot_be_meant(text):
    with pytest.raises(Invalid):
        read(Kind.MONEY, text)


@given(st.text(max_size=30), st.sampled_from(sorted(Kind, key=str)))
def test_any_text_is_a_value_or_a_sentence(text, kind):
    if kind in (Kind.FILE, Kind.IMAGE):
        return
    try:
        read(kind, text, options=("a", "b"))
        message = "Fine."
    except Invalid as error:
        message = str(error)
    assert message[0].isupper()
    assert message.endswith(".")


@given(st.decimals(min_value=-999_999_999, max_value=999_999_999, places=2))
def test_amounts_come_back(amount):
    assert read(Kind.MONEY, str(amount)) == amount


@pytest.mark.parametrize(
    ("day", "words"),
    [(22, "today"), (23, "tomorrow"), (21, "yesterday"), (30, "in 8 days"), (2, "20 days ago")],
)
def test_days_near_today(day, words):
    assert display.relative_day(dt.date(2026, 11, day), dt.date(2026, 11, 22)) == words


def test_days_and_amounts_read_the_same_everywhere():
    assert display.day(dt.date(2026, 11, 24)) == "24 Nov 2026"
    assert display.long_day(dt.date(2026, 11, 24)) == "Tuesday, 24 November 2026"
    assert display.money(Decimal("1234567.5")) == "1\u202f234\u202f567.50"
    assert display.number(1200.0) == "1\u202f200"
    assert display.number(0.1) == "0.1"


@pytest.mark.parametrize(
    ("word", "colour"),
    [
        ("critical", "red"),
        ("Approved", "green"),
        ("in progress", "blue"),
        ("on hold", "amber"),
        ("not approved", "amber"),
    ],
)
def test_badges_have_the_colour_of_their_meaning(word, colour):
    assert display.tone(word) == colour


def test_badges_that_say_nothing_about_standing_differ_from_one_another():
    options = ("holiday", "sick leave", "unpaid")
    assert len({display.tone(option, "kind", options) for option in options}) == 3


def test_form_tokens_belong_to_one_person_and_one_key():
    signer = Signer(b"k" * 32)
    token = signer.form_token("ada")
    assert signer.form_token_holds(token, "ada")
    assert not signer.form_token_holds(token, "eve")
    assert not Signer(b"j" * 32).form_token_holds(token, "ada")
    assert not signer.form_token_holds("", "ada")
    assert signer.form_token("ada") != token


@given(st.text(max_size=40))
def test_no_invented_token_holds(text):
    assert not Signer(b"k" * 32).form_token_holds(text, "ada")
    assert Signer(b"k" * 32).open("flash", text) is None


def test_sealed_values_expire_and_cannot_be_used_for_something_else():
    signer = Signer(b"k" * 32)
    assert signer.open("flash", signer.seal("flash", ["a", "ü"], seconds=5)) == ["a", "ü"]
    assert signer.open("session", signer.seal("flash", "a", seconds=5)) is None
    assert signer.open("flash", signer.seal("flash", "a", seconds=-1)) is None


def test_origins():
    assert same_origin("http://a.example:80", "a.example:80")
    assert same_origin(None, "a.example")
    assert not same_origin("http://a.example.evil", "a.example")
    assert not same_origin("null", "a.example")


def test_settings_refuse_half_an_identity():
    with pytest.raises(SettingsError):
        Settings.from_environment({"APP_IDENTITY_JWKS": "{}"})
    with pytest.raises(SettingsError):
        Settings.from_environment({"APP_FRAME_ANCESTORS": "http://a; script-src *"})
    assert Settings.from_environment({}).alone
