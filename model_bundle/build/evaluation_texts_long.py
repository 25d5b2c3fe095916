"""The second half of the evaluation texts: longer prose, code and blueprints, so that both halves pass 2,000 tokens."""

from __future__ import annotations

from typing import Final

LONG_TEXTS: Final[tuple[str, ...]] = (
    (
        "The night shift at the cold store begins with a walk along the loading docks. Each dock has a sheet on the "
        "wall: the time of the round, the temperature of the room, the state of the door seal and the initials of "
        "whoever looked. When a sheet is full it goes into a folder, and when the folder is full it goes into the "
        "cellar. Nobody has ever read one again, except in the spring when a pallet of vaccines had thawed and the "
        "insurer asked for the records of eleven days. It took two people a weekend to find nine of them.\n\n"
        "That is the sort of work a small application does well. It asks for four values, refuses a temperature that "
        "no thermometer could show, writes down who entered it and when, and raises its voice if a round is missed. "
        "It need not be clever. It has to be there on the first day, on the telephone that the guard already "
        "carries, and it has to give the same answer to the guard, to the manager and to the insurer.\n"
    ),
    (
        "import csv\nimport sys\nfrom collections import defaultdict\nfrom decimal import Decimal, InvalidOperation\n"
        "from pathlib import Path\n\n\ndef read_totals(path: Path) -> dict[str, Decimal]:\n"
        '    """Sum the amount column by cost centre; rows that do not parse are reported and left out."""\n'
        "    totals: dict[str, Decimal] = defaultdict(Decimal)\n"
        '    with path.open(newline="", encoding="utf-8") as stream:\n'
        "        for number, row in enumerate(csv.DictReader(stream), start=2):\n            try:\n"
        '                amount = Decimal(row["amount"].replace(",", "."))\n'
        "            except (InvalidOperation, KeyError) as error:\n"
        '                print(f"{path.name}:{number}: {error}", file=sys.stderr)\n                continue\n'
        '            totals[row["cost_centre"].strip().upper()] += amount\n    return dict(totals)\n\n\n'
        "def main(arguments: list[str]) -> int:\n    if len(arguments) != 1:\n"
        '        print("usage: totals FILE.csv", file=sys.stderr)\n        return 2\n'
        "    for centre, total in sorted(read_totals(Path(arguments[0])).items()):\n"
        '        print(f"{centre:<12} {total:>12.2f}")\n    return 0\n\n\n'
        'if __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))\n'
    ),
    (
        'app "Workshop Tool Crib"\nabout "Which tool is where, who has it, and when it was last inspected."\n'
        "role Mechanic\nrole Foreman\nentity Cabinet\n  name text required unique\n  hall choice(north, south, yard)\n"
        "entity Tool\n  name text required\n  inventory_number text required unique\n  cabinet ref(Cabinet) required\n"
        "  bought date\n  price money\n  inspected date\n  photo file\nentity Checkout\n  tool ref(Tool) required\n"
        "  mechanic person default me\n  taken date default today\n  due date required\n  returned boolean\n"
        '  remarks text\nrule Checkout on create: due >= today else "The tool cannot be due in the past"\n'
        'action Checkout "Return" for Mechanic, Foreman: returned = true\n'
        "access Cabinet: Foreman all; Mechanic read\naccess Tool: Foreman all; Mechanic read\n"
        "access Checkout: Mechanic create, read own; Foreman all\n"
        'page "Tools" table Tool\npage "Out now" table Checkout where not returned\n'
        'page "Overdue" table Checkout where due < today and not returned\n'
        'page "Calendar" calendar Checkout by due\n'
        'page "Overview" dashboard: count Tool, bar Checkout by tool.cabinet\n'
    ),
    (
        'app "Clinic Equipment Service"\nabout "Every device, its service dates and open faults."\nrole Nurse\n'
        "role Technician\nrole Head of Department\nentity Ward\n  name text required\n  floor number\n"
        "entity Device\n  name text required\n  serial text unique\n  ward ref(Ward) required\n"
        "  risk choice(low, medium, high)\n  next_service date required\nentity Fault\n  device ref(Device) required\n"
        "  reported_by person default me\n  reported date default today\n  description text required\n"
        "  severity choice(minor, major, out of use)\n  fixed boolean\n  fixed_on date\n"
        'action Fault "Mark fixed" for Technician: fixed = true, fixed_on = today\n'
        "access Device: Technician all; Nurse read; Head of Department read\n"
        "access Fault: Nurse create, read; Technician all; Head of Department read\n"
        'page "Faults" board Fault by severity\npage "Service due" table Device where next_service < today\n'
        'remind Device 14 days before next_service to Technician "Service {name} on {ward}"\n'
    ),
    (
        "async function loadRows(table, query, page) {\n"
        "  const parameters = new URLSearchParams({ q: query, page: String(page) });\n"
        "  const response = await fetch(`${table.dataset.source}?${parameters}`, {\n"
        '    headers: { Accept: "application/json" },\n  });\n  if (!response.ok) {\n'
        "    table.querySelector('[role=status]').textContent = `Could not load: ${response.status}`;\n"
        "    return [];\n  }\n  const { rows, total } = await response.json();\n"
        "  table.querySelector('caption').textContent = `${total} entries`;\n"
        "  return rows.map((row) => ({ ...row, due: new Date(row.due) }));\n}\n"
    ),
    (
        "Sehr geehrte Damen und Herren,\n\nbei der Wartung der Lüftungsanlage im zweiten Obergeschoss wurde "
        "festgestellt, dass der Filter der Stufe zwei seit mehr als vierzehn Monaten nicht gewechselt worden ist. Wir "
        "bitten Sie, den Wechsel bis zum Ende des Monats zu veranlassen und uns das Protokoll zu senden. Die Räume "
        "können bis dahin genutzt werden; die Messwerte liegen unter den Grenzwerten.\n\nMit freundlichen Grüßen\n"
        "Technische Gebäudeausrüstung\n"
    ),
)
