"""A reader over the tokens of one line, with errors that know where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from appliance.blueprint.errors import BlueprintError, closest
from appliance.blueprint.lexer import Kind, Token, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


class Cursor:
    """Reads one line from left to right; every method consumes what it returns or raises BlueprintError."""

    def __init__(self, line: str, number: int) -> None:
        self.line = line
        self.number = number
        self._tokens = tokens(line, number)
        self._at = 0

    def fail(self, message: str, hint: str = "", token: Token | None = None) -> NoReturn:
        """Raise at ``token``, or where the reader is."""
        here = token or self.peek()
        column = here.column if here else len(self.line.rstrip()) + 1
        raise BlueprintError(message, line=self.number, column=column, hint=hint)

    def peek(self) -> Token | None:
        """The next token, or None at the end of the line."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> Token:
        """The next token; the end of the line is an error."""
        token = self.peek()
        if token is None:
            self.fail("the line ends too early", "Write the rest of it.")
        self._at += 1
        return token

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of these words or symbols."""
        token = self.peek()
        return token is not None and token.kind is not Kind.STRING and token.text in texts

    def accept(self, *texts: str) -> bool:
        """Consume one of these words or symbols if it comes next."""
        if self.at(*texts):
            self._at += 1
            return True
        return False

    def expect(self, text: str, hint: str = "") -> None:
        """Consume exactly this word or symbol."""
        if not self.accept(text):
            self.fail(f"{text!r} is missing here", hint or f"Write {text!r}.")

    def mark(self) -> int:
        """Where the reader is, for :meth:`back`."""
        return self._at

    def back(self, mark: int) -> None:
        """Return to a mark."""
        self._at = mark

    def ahead(self, count: int = 1) -> Token | None:
        """The token ``count`` places after the next one, or None."""
        at = self._at + count
        return self._tokens[at] if at < len(self._tokens) else None

    def rest(self, first: Token) -> str:
        """The text from a token to the end of the line, which is consumed."""
        self._at = len(self._tokens)
        return self.line[first.column - 1 :].rstrip()

    def end(self) -> None:
        """Nothing may be left."""
        token = self.peek()
        if token is not None:
            self.fail(f"{token.text!r} is too much here", "End the line before it.")

    def string(self, what: str) -> str:
        """A text in quotes."""
        token = self.take()
        if token.kind is not Kind.STRING:
            self.fail(f"{what} must be in quotes", f'Write "{token.text}".', token)
        return token.text

    def name(self, what: str, *, until: Collection[str], allowed: Callable[[str], bool]) -> tuple[str, Token]:
        """Words up to one of ``until`` (or the end), joined as written; also the first token, for errors."""
        first = self.peek()
        last = first
        while (token := self.peek()) is not None and token.kind is not Kind.STRING and token.text not in until:
            last = token
            self._at += 1
        if first is None or last is None or last is not self._tokens[self._at - 1]:
            self.fail(f"the name of {what} is missing here", "Write it in words.")
        text = self.line[first.column - 1 : last.end]
        if not allowed(text):
            self.fail(f"{text!r} cannot be the name of {what}", "Use letters, digits and single spaces.", first)
        return text, first

    def one_of(self, names: Iterable[str]) -> str | None:
        """The longest of ``names`` that is written here, ending at a token's end; None if none is."""
        start = self.peek()
        if start is None:
            return None
        ends = {token.end: index for index, token in enumerate(self._tokens) if index >= self._at}
        for name in sorted(names, key=len, reverse=True):
            end = start.column - 1 + len(name)
            if self.line.startswith(name, start.column - 1) and end in ends:
                self._at = ends[end] + 1
                return name
        return None

    def known(self, what: str, names: Iterable[str], *, until: Collection[str]) -> str:
        """A name that must be one of ``names``, with one of ``until``, a text in quotes or the end after it.

        Names may contain words of ``until``: the longest name that is followed by what must follow is meant.
        """
        names = list(names)
        start, misfit = self._at, None
        for name in sorted(names, key=len, reverse=True):
            if self.one_of((name,)) is not None:
                following = self.peek()
                if following is None or following.kind is Kind.STRING or following.text in until:
                    return name
                misfit = misfit or (name, following)
                self._at = start
        if misfit is not None:
            name, following = misfit
            words = ", ".join(word for word in until if not word.isdigit())
            hint = f"After {name} write {words}." if words else f"End the line after {name}."
            self.fail(f"{following.text!r} cannot follow {name!r}", hint, following)
        text, token = self.name(what, until=until, allowed=lambda _: True)
        if text not in names:
            self.fail(f"there is no {what} {text!r}", closest(text, names), token)
        return text
