"""``intramural bench jsonschema --cases FILE``: how much of JSON Schema an answer can be held to.

FILE has one JSON object per line: ``id``, ``schema`` and ``tests``, each with ``data`` and ``valid``. Each schema is
compiled as a request's ``response_format`` is, over a vocabulary of single bytes, without a model. It is *refused* with
a reason; *right* when every valid instance can be written and no invalid one can; else *wrong*, which must never be.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from llguidance import LLMatcher

from appliance.core.answers import Form, Syntax
from appliance.core.errors import IntramuralError
from appliance.inference.constraint import grammar_source
from tests.benchmarks.machine import describe_machine
from tests.fakes.generator import BYTES


def accepts(matcher: LLMatcher, text: str) -> bool:
    """Whether the text is one that can be written."""
    tokens = list(text.encode())
    fresh = matcher.deep_copy()
    return fresh.try_consume_tokens(tokens) == len(tokens) and bool(fresh.is_accepting())


def judge(case: dict[str, Any]) -> tuple[str, str, float]:
    """``refused``, ``right`` or ``wrong``; why; and the seconds of the compilation."""
    started = time.perf_counter()
    try:
        source = grammar_source(Form(Syntax.JSON_SCHEMA, json.dumps(case["schema"])), b"")
    except IntramuralError as error:
        return "refused", str(error), time.perf_counter() - started
    matcher = LLMatcher(BYTES, source, log_level=0)
    seconds = time.perf_counter() - started
    if matcher.is_error():
        return "refused", " ".join(matcher.get_error().split())[:160], seconds
    for test in case["tests"]:
        told = json.dumps(test["data"], ensure_ascii=False)
        if accepts(matcher, told) is not test["valid"]:
            return "wrong", f"{test['description']}: {told[:120]} is {'' if test['valid'] else 'in'}valid", seconds
    return "right", "", seconds


def main() -> int:
    """Exit code 1 when one is wrong."""
    parser = argparse.ArgumentParser(prog="./intramural bench jsonschema", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    cases = [json.loads(line) for line in options.cases.read_text(encoding="utf-8").splitlines() if line.strip()]
    started = time.perf_counter()
    judged = [(case["id"], *judge(case)) for case in cases]
    spent = time.perf_counter() - started
    counts = Counter(verdict for _, verdict, _, _ in judged)
    compile_ms = sorted(1000 * seconds for _, _, _, seconds in judged)
    report = {
        "machine": describe_machine(),
        "schemas": len(cases),
        "instances": sum(len(case["tests"]) for case in cases),
        "right": counts["right"],
        "refused": counts["refused"],
        "wrong": counts["wrong"],
        "coverage": round(counts["right"] / max(1, len(cases)), 4),
        "compile_ms_median": round(compile_ms[len(compile_ms) // 2], 2),
        "compile_ms_most": round(compile_ms[-1], 1),
        "seconds": round(spent, 1),
    }
    if options.as_json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:18} {value}")
        for name, verdict, why, _ in judged:
            if verdict != "right":
                print(f"{verdict:8} {name}: {why}")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
