"""Names of apps, entities and fields out of headings, sheet names and file names, in their own language."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming, words
from appliance.blueprint.model import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

_HINTS: Final = {
    "de": "name vorname nachname datum anzahl preis betrag menge nummer nr straße strasse ort plz abteilung kunde "
    "kunden lieferant erledigt bemerkung beschreibung kosten telefon raum status art von bis gerät standort und",
    "fr": "nom prénom prenom date quantité quantite prix montant numéro numero rue ville service client fournisseur "
    "remarque description coût téléphone salle statut de du des le la les et",
    "es": "nombre apellido fecha cantidad precio importe número numero calle ciudad departamento cliente proveedor "
    "nota descripción descripcion coste teléfono telefono sala estado de del los las y",
    "en": "name first last date amount price quantity number street city department customer supplier note description "
    "cost phone room status of the and due type email location",
}
_ROLES: Final = {"en": ("Editor", "Reader"), "de": ("Bearbeitung", "Lesezugriff"), "fr": ("Éditeur", "Lecteur"),
                 "es": ("Editor", "Lector")}  # fmt: skip
_NOUNS: Final = {"en": "Record", "de": "Eintrag", "fr": "Fiche", "es": "Registro"}
_COLUMNS: Final = {"en": "column", "de": "spalte", "fr": "colonne", "es": "columna"}
_OVERVIEWS: Final = {"en": "Overview", "de": "Übersicht", "fr": "Aperçu", "es": "Resumen"}
_ABOUTS: Final = {
    "en": "Made from an imported table.",
    "de": "Aus einer importierten Tabelle.",
    "fr": "Issu d'un tableau importé.",
    "es": "Creada a partir de una tabla importada.",
}
_DEFAULT_SHEET: Final = re.compile(
    r"(?:sheet|tabelle|feuil|hoja|blatt|table|pasted table|import|data|daten|export)[\s_-]?\d*", re.I
)
_SINGULAR_ENDS: Final = ("ss", "us", "is", "ews", "ies")


def language_of(headings: Iterable[str]) -> str:
    """The language that most heading words belong to: ``en``, ``de``, ``fr`` or ``es``; ``en`` when none stands out."""
    found = [word for heading in headings for word in re.findall(r"[^\W\d_]+", heading.lower())]
    own = {code: sum(word in known.split() for word in found) for code, known in _HINTS.items()}
    own["de"] += sum(bool(re.search(r"[äöüß]", word)) for word in found)
    best = max(own, key=lambda code: own[code])
    return best if own[best] > own["en"] else "en"


def roles(language: str) -> tuple[str, str]:
    """Who changes records, and who only reads them."""
    return _ROLES[language]


def overview(language: str) -> str:
    """The title of the dashboard."""
    return _OVERVIEWS[language]


def about(language: str) -> str:
    """What the app says about itself."""
    return _ABOUTS[language]


def app_name(text: str, language: str) -> str:
    """A title for the app out of a file name."""
    plain = _clean(re.sub(r"[_\-.]+", " ", text))
    plain = re.sub(r'["\\]', "", plain)[:MAX_NAME].strip()
    if not plain or _DEFAULT_SHEET.fullmatch(plain):
        plain = _NOUNS[language] if language != "en" else "Records"
    return plain[:1].upper() + plain[1:] if words.is_title(plain) else "Imported table"


def entity_name(text: str, fallback: str, language: str, taken: set[str]) -> str:
    """A noun for one row of the table, different from those already taken in letters and in addresses."""
    found = _noun(text) or _noun(fallback) or _NOUNS[language]
    if language == "en":
        found = singular(found)
    return _free(found, taken, slug=True)


def field_name(heading: str, index: int, language: str, taken: set[str]) -> str:
    """A field name: the heading in small letters, different from those already taken."""
    plain = unicodedata.normalize("NFC", heading).lower().replace("%", " percent " if language == "en" else " ")
    parts = [part for part in re.findall(r"[^\W_]+", plain) if part]
    name = "_".join(parts)[:MAX_NAME].strip("_")
    if name and not name[0].isalpha():
        name = f"{_COLUMNS[language]}_{name}"[:MAX_NAME].strip("_")
    if not name:
        name = f"{_COLUMNS[language]}_{index + 1}"
    if not words.is_field(name):
        name = f"{name}_{_COLUMNS[language]}"[:MAX_NAME].strip("_")
    if not words.is_field(name):
        name = f"{_COLUMNS[language]}_{index + 1}"
    return _free(name, taken, slug=False)


def is_default_sheet(name: str) -> bool:
    """Whether a sheet still has the name that the spreadsheet program gave it."""
    return _DEFAULT_SHEET.fullmatch(name.strip()) is not None


def is_plain_title(name: str) -> bool:
    """Whether a sheet's own name can head a page: somebody chose it, and it is written like a title."""
    return not is_default_sheet(name) and words.is_title(name) and not re.search(r"[_\d]", name)


def singular(noun: str) -> str:
    """The singular of an English noun phrase, where it is plainly a plural."""
    if noun.endswith("ies") and len(noun) > 4:
        return f"{noun[:-3]}y"
    if re.search(r"(?:ch|sh|x|ss)es$", noun):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(_SINGULAR_ENDS) and noun[:-1].isascii() and len(noun) > 3:
        return noun[:-1]
    return noun


def _noun(text: str) -> str:
    plain = _clean(re.sub(r"[_\-.]+", " ", text))
    if _DEFAULT_SHEET.fullmatch(plain):
        return ""
    plain = " ".join(re.findall(r"[^\W_]+", plain))[:MAX_NAME].strip()
    plain = re.sub(r"^[\d\s]+", "", plain)
    noun = " ".join(word[:1].upper() + word[1:] for word in plain.split())
    return noun if words.is_noun(noun) else ""


def _clean(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text)).split())


def _free(name: str, taken: set[str], *, slug: bool) -> str:
    """``name``, with a number behind it as long as its address is taken; remembers the address."""
    key = naming.slug if slug else naming.identifier
    joint = " " if slug else "_"
    candidate, count = name, 1
    while key(candidate) in taken or (slug and key(candidate) in naming.RESERVED_SLUGS):
        count += 1
        suffix = f"{joint}{count}"
        candidate = f"{name[: MAX_NAME - len(suffix)].strip(joint)}{suffix}"
    taken.add(key(candidate))
    return candidate
