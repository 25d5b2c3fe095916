"""``intramural bench functions``: how often the default model chooses rightly between calling a function and words.

Each question is asked once, at temperature 0, with two functions on offer and ``tool_choice: auto``. *Right* is the
function that is meant with the arguments that are meant, or words where no function helps; words are not judged.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from appliance.core.answers import AnswerPiece, Wanted
from appliance.core.ports import Message, Prompt
from appliance.core.tools import Calling, Tool, ToolCall
from appliance.inference.loader import EngineLimits
from appliance.inference.worker import WorkerOptions
from tests.benchmarks.inference_figures import running_worker
from tests.benchmarks.machine import describe_machine
from tests.fixtures.default_model import default_model_places

_NAME = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = (
    Tool("get_weather", "The weather of now in a city.", json.dumps(_CITY)),
    Tool("find_machine", "Where a machine stands, by its name.", json.dumps(_NAME)),
)
QUESTIONS: tuple[tuple[str, str, str], ...] = (
    ("What is the weather in Lyon now?", "get_weather", "Lyon"),
    ("Is it raining in Bergen? Use Celsius.", "get_weather", "Bergen"),
    ("How cold is it in Tromso?", "get_weather", "Tromso"),
    ("Do I need an umbrella in Porto today?", "get_weather", "Porto"),
    ("Wie warm ist es in Bonn?", "get_weather", "Bonn"),
    ("Where does the lathe Emma stand?", "find_machine", "Emma"),
    ("Which place is press 12 at?", "find_machine", "press 12"),
    ("I cannot find the mill called Otto.", "find_machine", "Otto"),
    ("In which hall is robot R7?", "find_machine", "R7"),
    ("Wo steht die Presse Berta?", "find_machine", "Berta"),
    ("Say hello in French.", "", ""),
    ("What is 2 + 3?", "", ""),
    ("Write a Python function that adds two numbers.", "", ""),
    ("Thanks, that is all.", "", ""),
    ("Explain what a checksum is in one sentence.", "", ""),
    ("Translate 'good morning' into German.", "", ""),
    ("Give me a list of three colours as JSON.", "", ""),
    ("Why do lathes vibrate?", "", ""),
    ("What causes rain?", "", ""),
    ("Who wrote Faust?", "", ""),
)


def main() -> int:
    """Prints what was chosen wrongly, and the share that was right."""
    parser = argparse.ArgumentParser(prog="./intramural bench functions", description=__doc__)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    bundle, keys = default_model_places()
    wrong, seconds = [], 0.0
    with tempfile.TemporaryDirectory(prefix="imf-") as name:
        folder = Path(name)
        limits = EngineLimits(context_tokens=2048, slots=2)
        worker = WorkerOptions(bundle, keys, folder / "w.sock", folder / "prefixes", limits)
        with running_worker(worker, folder / "log") as supervisor:
            for question, function, argument in QUESTIONS:
                started = time.perf_counter()
                with supervisor.generator().session(Prompt((Message("user", question),), tools=TOOLS)) as session:
                    wanted = Wanted(calling=Calling(), temperature=0.0, max_tokens=60)
                    pieces = [got for got in session.answer(wanted) if isinstance(got, AnswerPiece)]
                seconds += time.perf_counter() - started
                calls = [call for piece in pieces for call in piece.calls]
                made = ToolCall("".join(call.name for call in calls), "".join(call.arguments for call in calls))
                if made.name != function or argument.lower() not in made.arguments.lower():
                    wrong.append(f"{question} -> {made.name or 'words'} {made.arguments}")
    right = len(QUESTIONS) - len(wrong)
    if options.as_json:
        print(json.dumps({"right": right, "questions": len(QUESTIONS), "seconds": seconds, "wrong": wrong}))
    else:
        print(describe_machine())
        print(*wrong, sep="\n")
        print(f"{right} of {len(QUESTIONS)} right; {seconds / len(QUESTIONS):.1f} s each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
