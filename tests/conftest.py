"""What holds for every test."""

from __future__ import annotations

from playwright.sync_api import expect

# A page is waited for, not timed: a busy machine must not turn a right page into a failed test.
expect.set_options(timeout=30_000)
