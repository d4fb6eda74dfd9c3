"""`-k EXPR` over ids and clauses, without pytest."""

import re

from codex_conformance.errors import UsageError

_TOKEN = re.compile(r"\s*(\(|\)|[\w\-/\[\].:+]+|\S)")


class Selection:
    """An expression of `and`, `or`, `not` and parentheses over parts of names.

    Args:
        text: such as "refresh and not late"; empty takes everything.

    Raises:
        UsageError: it is no expression.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = _TOKEN.findall(text)
        self.takes("", ())

    def takes(self, name: str, further: tuple[str, ...]) -> bool:
        """Whether it selects what has this name and these further ones."""
        if not self._words:
            return True
        names = [each.lower() for each in (name, *further)]
        words = list(self._words)
        value = self._either(words, names)
        if words:
            raise self._fault()
        return value

    def _either(self, words: list[str], names: list[str]) -> bool:
        value = self._both(words, names)
        while words and words[0] == "or":
            del words[0]
            value = self._both(words, names) or value
        return value

    def _both(self, words: list[str], names: list[str]) -> bool:
        value = self._one(words, names)
        while words and words[0] == "and":
            del words[0]
            value = self._one(words, names) and value
        return value

    def _one(self, words: list[str], names: list[str]) -> bool:
        word = words.pop(0) if words else ""
        if word == "not":
            return not self._one(words, names)
        if word == "(":
            value = self._either(words, names)
            if not words or words.pop(0) != ")":
                raise self._fault()
            return value
        if not re.fullmatch(r"[\w\-/\[\].:+]+", word) or word in ("and", "or"):
            raise self._fault()
        return any(word.lower() in name for name in names)

    def _fault(self) -> UsageError:
        return UsageError(
            f"-k {self._text!r}: expected an expression such as 'refresh and not late'"
        )
