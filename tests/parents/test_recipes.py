"""The recipes in the page for authors of parents are lines of parents that are judged."""

import re

import pytest
from judging import HERE

PAGE = HERE.parents[1] / "docs" / "parents.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = dict(BLOCK.findall(PAGE.read_text("utf-8")))


def lines(text: str) -> list[str]:
    """The lines of a program, without indentation and comments."""
    return [line.partition("//")[0].strip() for line in text.splitlines()]


@pytest.mark.parametrize(("language", "program"), [("js", "mjs"), ("rust", "rs"), ("go", "go")])
def test_recipe_stands_in_a_parent(language: str, program: str) -> None:
    parent = lines((HERE / f"parent.{program}").read_text("utf-8"))
    assert [line for line in lines(BLOCKS[language]) if line not in parent] == []
