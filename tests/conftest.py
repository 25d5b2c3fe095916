"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings
from playwright.sync_api import expect

# Pages are waited for, and examples are not timed: a busy machine must not turn a right page into a failed test.
expect.set_options(timeout=30_000)
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
