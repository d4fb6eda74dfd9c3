"""One test over many things that all have to hold; it tells of each one that does not."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

Check = Callable[..., None]


def together(groups: Mapping[str, Mapping[str, tuple[Any, ...]]]) -> Callable[[Check], Check]:
    """Declare a check of one thing a test a group: thousands of tests cost more than they check.

    Args:
        groups: name -> things in it: label -> arguments of the check.
    """

    def declare(check: Check) -> Check:
        def test(group: str) -> None:
            broken = []
            for label, arguments in groups[group].items():
                try:
                    check(*arguments)
                except AssertionError as failure:
                    failure.add_note(f"of {label}")
                    broken.append(failure)
            if broken:
                raise ExceptionGroup(f"{len(broken)} of {len(groups[group])} fail", broken)

        test.__name__, test.__doc__, test.__module__ = (
            check.__name__,
            check.__doc__,
            check.__module__,
        )
        return pytest.mark.parametrize("group", groups)(test)

    return declare
