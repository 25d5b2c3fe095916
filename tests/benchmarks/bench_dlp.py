"""``intramural bench dlp``: what data loss prevention finds in texts of others, what it takes for clean, and its cost.

Sets: 273 texts of gitleaks (secrets), 880 sentences of presidio-research (personal data). A finding counts when it has
the same kind and covers at least half of the labelled span. Precision of a kind counts findings of that kind. ``by
pattern``: the mean over the patterns that the sentences were made from, because sentences of one pattern are alike.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean, median
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from appliance.core.screening import Finding, Place
from appliance.dlp.analyzer import Analyzer
from tests.benchmarks.machine import describe_machine


def _evals() -> Path:
    """``$INTRAMURAL_EVALS``, else the folder beside the checkout."""
    named = os.environ.get("INTRAMURAL_EVALS")
    places = [Path(named)] if named else [folder / "shared" / "evals" for folder in (ROOT.parent, ROOT.parent.parent)]
    return next((place for place in places if place.is_dir()), places[0])


EVALS = _evals()
SAME_KIND = {"US_SSN": "SOCIAL_SECURITY", "US_DRIVER_LICENSE": "DRIVER_LICENSE"}
ALSO_RIGHT = {"DATE_OF_BIRTH": "DATE_TIME"}
"""The set knows no birth dates: one that it labels as a date is right."""
NOT_LOOKED_FOR = ("AGE", "DATE_TIME", "DOMAIN_NAME", "GPE", "NRP", "ORGANIZATION", "TITLE", "ZIP_CODE")
RUNS = 30
TEXT = (
    "Our rental desk lends tools to building sites. Anna Schmidt (anna.schmidt@example.org, +49 30 901820) hands them "
    "out, foremen bring them back; each tool has a number, a state and a next inspection. Show what is overdue. "
)


def records(name: str) -> list[dict[str, Any]]:
    """One of the sets."""
    return [json.loads(line) for line in (EVALS / name).read_text(encoding="utf-8").splitlines()]


def secrets(analyzer: Analyzer) -> dict[str, Any]:
    """Recall on texts with a secret, false alarms on clean ones."""
    counts: dict[str, list[bool]] = {"secret": [], "clean": []}
    for record in records("secrets.jsonl"):
        found = analyzer.inspect(record["text"], Place.PROMPT).findings
        counts[record["label"]].append(any(one.kind == "SECRET" for one in found))
    return {
        "texts": sum(map(len, counts.values())),
        "recall": round(mean(counts["secret"]), 3),
        "found": sum(counts["secret"]),
        "secrets": len(counts["secret"]),
        "false_alarms": round(mean(counts["clean"]), 3),
        "alarms": sum(counts["clean"]),
        "clean": len(counts["clean"]),
    }


def covers(found: Finding, span: dict[str, Any]) -> bool:
    """Whether a finding is that span."""
    common = min(found.end, span["end"]) - max(found.start, span["start"])
    return common * 2 >= span["end"] - span["start"]


def personal(analyzer: Analyzer) -> dict[str, Any]:
    """Recall and precision by kind, over spans and over patterns."""
    hits: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    right: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for record in records("pii.jsonl"):
        found = analyzer.inspect(record["text"], Place.PROMPT).findings
        spans = [{**span, "type": SAME_KIND.get(span["type"], span["type"])} for span in record["spans"]]
        template = int(record["template_id"])
        for span in spans:
            hit = any(one.kind == span["type"] and covers(one, span) for one in found)
            hits[span["type"]].append((template, hit))
        for one in found:
            same = [span for span in spans if span["type"] in (one.kind, ALSO_RIGHT.get(one.kind))]
            # A street found as one piece where the set labels its parts is right once, not wrong.
            overlap = any(min(one.end, span["end"]) > max(one.start, span["start"]) for span in same)
            right[one.kind].append((template, overlap))
    return {kind: _row(hits[kind], right[kind]) for kind in sorted(set(hits) | set(right))}


def _row(hits: list[tuple[int, bool]], right: list[tuple[int, bool]]) -> dict[str, Any]:
    return {
        "spans": len(hits),
        "recall": _share([hit for _, hit in hits]),
        "recall_by_pattern": _by_pattern(hits),
        "found": len(right),
        "precision": _share([hit for _, hit in right]),
        "precision_by_pattern": _by_pattern(right),
    }


def _share(values: list[bool]) -> float | None:
    return round(mean(values), 3) if values else None


def _by_pattern(values: list[tuple[int, bool]]) -> float | None:
    groups: dict[int, list[bool]] = defaultdict(list)
    for template, hit in values:
        groups[template].append(hit)
    return round(mean(mean(group) for group in groups.values()), 3) if groups else None


def timings(analyzer: Analyzer) -> dict[str, Any]:
    """Milliseconds for a prompt, a long text and hostile ones."""
    hostile = {
        "digits": "1 " * 25_000,
        "letters": "a" * 50_000,
        "names": "Anna " * 10_000,
        "e-mails": "a@a." * 12_500,
        "openings": "((((" * 12_500,
        "passwords": "password: " * 5_000,
        "streets": "Am Alten Markt Straße " * 2_270,
    }
    texts = {"4 kB": (TEXT * 40)[:4096], "50 kB": (TEXT * 400)[:50_000], **hostile}
    return {name: round(_median_ms(analyzer, text), 2) for name, text in texts.items()}


def _median_ms(analyzer: Analyzer, text: str) -> float:
    taken = []
    for _ in range(RUNS if len(text) < 10_000 else 5):
        started = time.perf_counter()
        analyzer.inspect(text, Place.PROMPT)
        taken.append((time.perf_counter() - started) * 1000)
    return median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    analyzer = Analyzer()
    made = time.perf_counter() - started
    analyzer.inspect("ready?", Place.PROMPT)
    ready = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = {
        "machine": describe_machine(),
        "policy": analyzer.digest,
        "start_seconds": {"rules": round(made, 2), "ready": round(ready, 2)},
        "memory_mib": round((after - before) / 1024, 1),
        "secrets": secrets(analyzer),
        "personal": personal(analyzer),
        "not_looked_for": list(NOT_LOOKED_FOR),
        "ms": timings(analyzer),
    }
    if options.json:
        sys.stdout.write(json.dumps(report) + "\n")
        return
    _print(report)


def _print(report: dict[str, Any]) -> None:
    say = sys.stdout.write
    found = report["secrets"]
    say(f"{report['machine']}\n")
    say(f"ready after {report['start_seconds']['ready']} s, {report['memory_mib']} MiB\n")
    say(f"secrets: recall {found['recall']} ({found['found']} of {found['secrets']}), ")
    say(f"false alarms {found['false_alarms']} ({found['alarms']} of {found['clean']})\n")
    say(f"{'kind':18}{'spans':>6}{'recall':>8}{'/pattern':>9}{'found':>7}{'prec.':>8}{'/pattern':>9}\n")
    for kind, row in report["personal"].items():
        if kind in NOT_LOOKED_FOR:
            continue
        cells = [row[name] for name in ("recall", "recall_by_pattern", "found", "precision", "precision_by_pattern")]
        texts = ["–" if cell is None else str(cell) for cell in cells]
        say(f"{kind:18}{row['spans']:>6}{texts[0]:>8}{texts[1]:>9}{texts[2]:>7}{texts[3]:>8}{texts[4]:>9}\n")
    say("ms: " + ", ".join(f"{name} {value}" for name, value in report["ms"].items()) + "\n")


if __name__ == "__main__":
    main()
