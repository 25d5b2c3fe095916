"""Rules, actions, reminders, marks, fragments, protections and renames to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.behaviour import Part, Renamed
from appliance.blueprint.expression_printer import WHEN, expression_text, quoted
from appliance.blueprint.kinds import of_field
from appliance.blueprint.page_printer import where_text

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Action, Assignment, Fragment, Mark, Protection, Reminder, Rename, Rule
    from appliance.blueprint.model import Blueprint


def rule_line(rule: Rule, blueprint: Blueprint) -> str:
    """``rule Loan on create: due >= today else "…"``."""
    condition = expression_text(rule.condition, blueprint.entities, blueprint.entity(rule.entity))
    return f"rule {rule.entity} on {', '.join(rule.occasions)}: {condition} else {quoted(rule.message)}"


def action_line(action: Action, blueprint: Blueprint) -> str:
    """``action Loan "Return" for borrower when not returned: returned = true``."""
    who = ", ".join((*action.roles, *action.people))
    when = ""
    if action.when is not None:
        when = f" when {expression_text(action.when, blueprint.entities, blueprint.entity(action.entity))}"
    sets = ", ".join(_assignment(item, action.entity, blueprint) for item in action.assignments)
    return f"action {action.entity} {quoted(action.title)}{f' for {who}' if who else ''}{when}: {sets}"


def _assignment(assignment: Assignment, entity: str, blueprint: Blueprint) -> str:
    if assignment.value is None:
        return f"{assignment.field} = empty"
    owner = blueprint.entity(entity)
    field = owner.field(assignment.field)
    wanted = of_field(field) if field is not None else None
    text = expression_text(assignment.value, blueprint.entities, owner, wanted=wanted, loosest=WHEN)
    return f"{assignment.field} = {text}"


def reminder_line(reminder: Reminder, blueprint: Blueprint) -> str:
    """``remind Loan 1 day before due to borrower "…"``."""
    count = abs(reminder.days)
    when = "on" if not count else f"{count} day{'s' if count > 1 else ''} {'before' if reminder.days < 0 else 'after'}"
    who = ", ".join((*reminder.people, *reminder.roles))
    where = where_text(reminder.where, blueprint, reminder.entity)
    return f"remind {reminder.entity} {when} {reminder.field} to {who}{where} {quoted(reminder.message)}"


def mark_line(mark: Mark, blueprint: Blueprint) -> str:
    """``mark Loan red where due < today``."""
    return f"mark {mark.entity} {mark.colour}{where_text(mark.where, blueprint, mark.entity)}"


def fragment_line(fragment: Fragment) -> str:
    """``fragment Item "Shelf label" from name "…"``."""
    inputs = ", ".join(fragment.inputs)
    return f"fragment {fragment.entity} {quoted(fragment.title)} from {inputs} {quoted(fragment.description)}"


def protection_line(protection: Protection) -> str:
    """``protect entity Loan``."""
    if protection.part is Part.ROLES:
        return "protect roles"
    name = quoted(protection.name) if protection.part is Part.PAGE else protection.name
    return f"protect {protection.part} {name}"


def rename_line(rename: Rename) -> str:
    """``rename field Loan.due to due_date``."""
    within = {Renamed.FIELD: f"{rename.entity}.", Renamed.OPTION: f"{rename.entity} "}.get(rename.kind, "")
    before = f"{within}{rename.before}"
    return f"rename {rename.kind} {before} to {rename.after}"
