"""The scenarios: a file per group, a coroutine function per scenario."""

import importlib
import pkgutil

from codex_conformance.case import Case, CaseSpec


def all_scenarios() -> tuple[tuple[CaseSpec, Case], ...]:
    """Every scenario with its declaration, in the order of the files."""
    found = []
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            spec = getattr(value, "spec", None)
            if isinstance(spec, CaseSpec):
                found.append((spec, value))
    return tuple(found)
