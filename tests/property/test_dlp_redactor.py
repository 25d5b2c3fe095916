"""Placeholders: nothing of a value stays, the same value has one name, and back is exactly back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.screening import Finding
from appliance.dlp.redactor import mask, restore

WORDS = st.lists(
    st.sampled_from(["Anna", "Bert", "DE02", "geheim", "<PERSON_1>", "<PERSON_7>", "und", "ß→"]), max_size=12
)


@given(WORDS, st.data())
def test_there_and_back(words: list[str], data: st.DataObject) -> None:
    text, findings = "", []
    for word in words:
        if word[0] != "<" and data.draw(st.booleans()):
            kind = "SECRET" if word == "geheim" else "PERSON"
            findings.append(Finding(kind, len(text), len(text) + len(word), "rule"))
        text += word + " "
    known = data.draw(st.sampled_from([{}, {"<PERSON_2>": "Anna"}, {"<SECRET_1>": "other"}]))
    masked = mask(text, findings, known)
    assert restore(masked.text, masked.values) == text
    for name, value in masked.values.items():
        assert name not in text
        assert known.get(name, value) == value
    assert len({*masked.values.values()}) == len(masked.values)
    if known.get("<PERSON_2>") == "Anna" and any(text[one.start : one.end] == "Anna" for one in findings):
        assert "<PERSON_2>" in masked.text


@given(st.text(max_size=60), st.dictionaries(st.just("<PERSON_1>"), st.just("<PERSON_1> <SECRET_2>"), max_size=1))
def test_a_restored_value_is_not_read_again(text: str, values: dict[str, str]) -> None:
    assert restore(f"{text}<PERSON_1>", values).count("<SECRET_2>") == len(values) * (1 + text.count("<PERSON_1>"))
