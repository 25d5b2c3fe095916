"""Fixed texts over which a conversion is compared with its source: chats that end in blueprints, code, SQL and prose.

They are read by teacher forcing: the model sees each text and predicts every next token of it.
"""

from __future__ import annotations

from typing import Final

from model_bundle.build.evaluation_texts_long import LONG_TEXTS


def _chat(system: str, user: str, assistant: str) -> str:
    """A ChatML conversation (the format of the qwen2 family)."""
    turns = (("system", system), ("user", user), ("assistant", assistant))
    return "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)


_PLANNER = "You describe internal apps as blueprints. Use only the words that the user's request needs."

EVALUATION_TEXTS: Final[tuple[str, ...]] = (
    _chat(
        _PLANNER,
        "Track equipment loans for our physics lab: items with serial numbers, who borrowed them, due dates, and show "
        "what is overdue.",
        'app "Lab Equipment Loans"\nrole Borrower\nrole Lab Manager\nentity Item\n  name text required\n'
        "  serial text unique\n  category choice(laptop, camera, other)\nentity Loan\n  item ref(Item) required\n"
        "  borrower person default me\n  due date required\n  returned boolean\n"
        'page "Overdue" table Loan where due < today and not returned',
    ),
    _chat(
        _PLANNER,
        "We need a leave request tool. Employees ask for days off, managers approve or reject, HR sees everyone's "
        "balance.",
        'app "Leave Requests"\nrole Employee\nrole Manager\nrole HR\nentity Leave Request\n'
        "  employee person default me\n  from date required\n  to date required\n  reason text\n"
        "  status choice(requested, approved, rejected)\n"
        "access Leave Request: Employee create, read own; Manager read, update; HR all\n"
        'page "My requests" table Leave Request',
    ),
    _chat(
        _PLANNER,
        "Supplier complaints log for a food factory: supplier, product batch, complaint category, severity, corrective "
        "action with owner and due date, and a dashboard by supplier.",
        'app "Supplier Complaints"\nentity Supplier\n  name text required\n  email email\nentity Complaint\n'
        "  supplier ref(Supplier) required\n  batch text required\n  category choice(foreign body, temperature, "
        "labelling, other)\n  severity choice(low, medium, high)\n  action text\n  owner person\n  due date\n"
        'page "Overview" dashboard: count Complaint, bar Complaint by supplier',
    ),
    _chat(
        "You are a helpful assistant.",
        "Write a Python function that returns the n-th Fibonacci number without recursion.",
        "```python\ndef fibonacci(n: int) -> int:\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n"
        "    return a\n```\nThe function keeps only the last two numbers, so it needs constant memory.",
    ),
    _chat(
        "You are a helpful assistant.",
        "Return a JSON object with the keys name, quantity and tags for a box of 12 blue pens.",
        '```json\n{\n  "name": "Blue pens",\n  "quantity": 12,\n  "tags": ["office", "stationery", "blue"]\n}\n```',
    ),
    _chat(
        "Antworte auf Deutsch.",
        "Was muss in einer Besucherliste am Empfang stehen?",
        "Eine Besucherliste enthält den Namen des Besuchers, die Firma, die besuchte Person, den Zweck des Besuchs "
        "sowie die Uhrzeit der Ankunft und des Verlassens des Gebäudes.",
    ),
    (
        "SELECT supplier.name, COUNT(*) AS complaints\nFROM complaint\n"
        "JOIN supplier ON supplier.id = complaint.supplier_id\n"
        "WHERE complaint.due < CURRENT_DATE AND complaint.closed = 0\n"
        "GROUP BY supplier.name\nORDER BY complaints DESC;\n"
    ),
    (
        "from datetime import date\n\nfrom sqlmodel import Field, SQLModel\n\n\nclass Loan(SQLModel, table=True):\n"
        '    id: int | None = Field(default=None, primary_key=True)\n    item_id: int = Field(foreign_key="item.id")\n'
        "    due: date\n    returned: bool = False\n\n    @property\n    def overdue(self) -> bool:\n"
        "        return not self.returned and self.due < date.today()\n"
    ),
    (
        "The transparency log keeps one leaf for every act. A leaf cannot be changed without changing the root of the "
        "tree, and the root is signed and shown to witnesses. An auditor who has two roots can check that the second "
        "tree contains the first, and needs no access to the appliance for that.\n"
    ),
    (
        '<table class="list">\n  <thead>\n    <tr><th>Name</th><th>Due</th><th>Status</th></tr>\n  </thead>\n'
        "  <tbody>\n    {% for loan in loans %}\n    <tr>\n"
        "      <td>{{ loan.item.name }}</td>\n      <td>{{ loan.due }}</td>\n"
        '      <td>{{ "overdue" if loan.overdue else "open" }}</td>\n    </tr>\n    {% endfor %}\n'
        "  </tbody>\n</table>\n"
    ),
    *LONG_TEXTS,
)
"""More than 2,000 tokens of the default model."""
