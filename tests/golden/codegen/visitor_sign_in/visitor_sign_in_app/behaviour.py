"""What Visitor Sign-in does by itself: computed fields, rules, actions, marks, reminders."""

from __future__ import annotations

from .kit.behaviour import Behaviour

BEHAVIOUR = Behaviour()
