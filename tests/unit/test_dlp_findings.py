"""What data loss prevention finds, and what it leaves alone. None of these texts comes from the measured sets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from appliance.core.events import Event
from appliance.core.screening import Finding, Place, Verdict
from appliance.dlp.analyzer import Analyzer, apart
from appliance.dlp.checks import CHECKS
from appliance.studio.program_screen import ProgramScreen
from appliance.studio.screening import SecretFound
from appliance.studio.written import told_values
from tests.fixtures.privacy import parts_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    made = Analyzer()
    made.inspect("ready", Place.PROMPT)
    return made


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Der Zugang ist postgres://lager:Gr8nerTee!@db.intern/lager", "SECRET", "Gr8nerTee!"),
        ("Passwort: Sommer2026!x", "SECRET", "Sommer2026!x"),
        ("The password is “b1ue-Whale-77”.", "SECRET", "b1ue-Whale-77"),
        ("Server=db1;Database=erp;User Id=app;Password=k7Qp22zz;", "SECRET", "k7Qp22zz"),
        ("Miete von DE02 1203 0000 0000 2020 51 bitte", "IBAN_CODE", "DE02 1203 0000 0000 2020 51"),
        ("pay with 5500 0000 0000 0004 today", "CREDIT_CARD", "5500 0000 0000 0004"),
        ("Steuer-ID: 86 095 742 719", "TAX_ID", "86 095 742 719"),
        ("SV-Nr. 15 070649 C 103", "SOCIAL_SECURITY", "15 070649 C 103"),
        ("AHV 756.9217.0769.85", "SOCIAL_SECURITY", "756.9217.0769.85"),
        ("KVNR A123456780", "HEALTH_ID", "A123456780"),
        ("NHS number 943 476 5919", "HEALTH_ID", "943 476 5919"),
        ("Reisepass C01X00T47", "PASSPORT", "C01X00T47"),
        ("erreichbar unter +49 (0)89 1234567-0", "PHONE_NUMBER", "+49 (0)89 1234567-0"),
        ("Telefon 0171 2345678", "PHONE_NUMBER", "0171 2345678"),
        ("mail an jürgen.groß@beispiel.de senden", "EMAIL_ADDRESS", "jürgen.groß@beispiel.de"),
        ("from 10.20.30.40 at night", "IP_ADDRESS", "10.20.30.40"),
        ("geboren am 3.4.1971 in Ulm", "DATE_OF_BIRTH", "3.4.1971"),
        ("Lieferung an Lindenstraße 7b, 04109 Leipzig", "STREET_ADDRESS", "Lindenstraße 7b, 04109 Leipzig"),
        ("ship to 12 Foundry Lane, please", "STREET_ADDRESS", "12 Foundry Lane"),
        ("Lieferant: Rue de la Gare 14, Luxembourg", "STREET_ADDRESS", "Rue de la Gare 14"),
        ("au 8 bis, rue du Moulin Vert", "STREET_ADDRESS", "8 bis, rue du Moulin Vert"),
        ("ritiro in Via dei Tigli 21", "STREET_ADDRESS", "Via dei Tigli 21"),
        ("Calle de los Olmos, n.º 5", "STREET_ADDRESS", "Calle de los Olmos, n.º 5"),
        ("bezorgen: Molenstraat 33 b", "STREET_ADDRESS", "Molenstraat 33 b"),
        ("lager på Björkvägen 4", "STREET_ADDRESS", "Björkvägen 4"),
        ("magazyn ul. Lipowa 12", "STREET_ADDRESS", "ul. Lipowa 12"),
        ("raktár: Tölgyfa utca 9.", "STREET_ADDRESS", "Tölgyfa utca 9."),
        ("Übergabe an Emma Lehmann", "PERSON", "Emma Lehmann"),
        ("Tim prüft die Rechnung", "PERSON", "Tim"),
        ("Frau Özdemir-Kranz prüft", "PERSON", "Özdemir-Kranz"),
        ("asked Katharina von Lehmann about it", "PERSON", "Katharina von Lehmann"),
    ],
)
def test_what_is_found(analyzer: Analyzer, text: str, kind: str, value: str) -> None:
    found = [(one.kind, text[one.start : one.end]) for one in analyzer.inspect(text, Place.PROMPT).findings]
    assert (kind, value) in found


@pytest.mark.parametrize(
    "text",
    [
        "Users have a password, a role and an e-mail address; the password is required.",
        "Each loan has an IBAN, a credit card number, a tax id and a passport number.",
        "Track serial 4111 1111 1111 1112, order 2026-11-29, version 1.2.3.4567 and ISBN 978-3-16-148410-0.",
        "Der Einkauf legt Bestellungen an, die Leitung gibt sie frei. Der Status ist Offen oder Erledigt.",
        "Our Sales Manager opens the Task List each Monday in May; Rose Garden and Table Tennis are rooms.",
        "Sent via Post 3 times; place Orders 12 and 14 on Avenue sheets; the Plaza team uses rue tea.",
        "Im Lager 12 liegen 20000 Teile; am Platz steht eine Waage; Ring und Allee sind Namen von Linien.",
        "Room 12 holds 30 people, price 1,234.56 EUR, 20 % off until 24.12.2026.",
        "Der Passwortstatus ist wichtig; Passwort-Richtlinie lautet: mindestens zwölf Zeichen.",
    ],
)
def test_what_is_left_alone(analyzer: Analyzer, text: str) -> None:
    found = [(one.kind, text[one.start : one.end]) for one in analyzer.inspect(text, Place.PROMPT).findings]
    assert found == []


def test_offsets_count_characters_not_bytes(analyzer: Analyzer) -> None:
    text = "Größe → 😀: mysql://root:Kx81qqPz@10.1.2.3/x, danach jana.ß@beispiel.de"
    values = {text[one.start : one.end] for one in analyzer.inspect(text, Place.PROMPT).findings}
    assert {"Kx81qqPz", "jana.ß@beispiel.de"} <= values


def test_verdicts_come_from_the_place_and_only_get_stricter_with_the_data_class(analyzer: Analyzer) -> None:
    text = "Frau Lehmann, KVNR A123456780, Passwort: Sommer2026!x"
    asked = {place: analyzer.inspect(text, place).verdict for place in Place}
    assert asked == {
        Place.PROMPT: Verdict.BLOCK,
        Place.UPLOAD: Verdict.BLOCK,
        Place.OUTPUT: Verdict.BLOCK,
    }
    person = "Frau Lehmann leiht"
    assert analyzer.inspect(person, Place.PROMPT).verdict is Verdict.ALLOW
    assert analyzer.inspect(person, Place.PROMPT, data_class="restricted").verdict is Verdict.MASK


def test_findings_do_not_overlap_and_the_serious_one_wins() -> None:
    secret, name, other = Finding("SECRET", 5, 9, "a"), Finding("PERSON", 0, 20, "b"), Finding("PERSON", 21, 25, "c")
    assert apart([name, other, secret]) == [secret, other]


def test_a_surrogate_and_every_control_character_can_be_looked_through(analyzer: Analyzer) -> None:
    text = "".join(map(chr, range(32))) + "\ud800 Passwort: Sommer2026!x \udfff"
    assert [one.kind for one in analyzer.inspect(text, Place.PROMPT).findings] == ["SECRET"]


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 25_000,
        "a@a." * 12_500,
        "password: " * 5_000,
        "von " * 12_500,
        "Am Alten Markt Straße " * 2_270,
        "-----BEGIN PRIVATE KEY-----" * 1_800,
        "A1" * 25_000,
    ],
)
def test_no_text_makes_it_slow(analyzer: Analyzer, text: str) -> None:
    """Twice the text takes about twice the time. A backtracking expression would take four times or without end."""

    def seconds(part: str) -> float:
        taken = []
        for _ in range(3):
            started = time.process_time()
            analyzer.inspect(part, Place.PROMPT)
            taken.append(time.process_time() - started)
        return min(taken)

    assert seconds(text) < 20 * max(seconds(text[: len(text) // 4]), 0.002)


def test_check_digits_refuse_a_changed_digit() -> None:
    for name, right, wrong in (
        ("de-health", "A123456780", "A123456781"),
        ("de-pension", "15070649C103", "15070649C104"),
        ("card", "5500000000000004", "5500000000000005"),
        ("iban", "DE02120300000000202051", "DE02120300000000202052"),
    ):
        assert CHECKS[name](right), name
        assert not CHECKS[name](wrong), name


def test_what_programs_send_is_masked_or_refused_and_the_log_never_hears_the_value(
    analyzer: Analyzer, tmp_path: Path
) -> None:
    iban = "DE02 1203 0000 0000 2020 51"
    with parts_in(tmp_path) as parts:
        screen = ProgramScreen(analyzer, parts.log)
        passed = screen.pass_on(["Be short.", f"Rent from {iban}, again {iban}"], principal="user:maya")
        assert passed == ["Be short.", "Rent from <IBAN_CODE_1>, again <IBAN_CODE_1>"]
        with pytest.raises(SecretFound):
            screen.pass_on(["Passwort: Sommer2026!x"], principal="user:maya")
        leaves = [leaf for _, leaf in parts.log.leaves() if leaf.event == Event.TEXT_SCREENED]
    assert [leaf.result for leaf in leaves if leaf.result] == ["done", "refused"]
    assert iban not in repr(leaves)
    assert "Sommer2026" not in repr(leaves)


def test_made_up_rows_of_a_record_called_password_are_no_secrets_and_told_ones_are(analyzer: Analyzer) -> None:
    def secrets(text: str) -> int:
        return analyzer.inspect(told_values(text), Place.OUTPUT).counts().get("SECRET", 0)

    assert (
        secrets('entity Password\n  value text\nexample Password: "P@ssw0rd1", -\nexample Password: "Qw3rty!x9", -\n')
        == 0
    )
    assert secrets('example Note: "Passwort: Winter2026!kq", 3\n') == 1
