"""What a forced workspace leaves open."""

from typing import Any

import pytest
from codex_reference_server import config
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import Refusal
from freedom import freedom
from mutant import around


def _blank_is_forced(patch: pytest.MonkeyPatch) -> None:
    """Where no workspace is left that could be forced, force one that no tokens belong to."""

    @around(patch, config, "_forced_workspaces")
    def forced(real: Any, settings: Any, revision: Any) -> Any:
        is_forced = "forced_chatgpt_workspace_id" in settings.table
        return real(settings, revision) or (("",) if is_forced else ())


@freedom("WORKSPACE-6", case="workspace/blank/list", says="is blank: it names no workspace")
def blank_workspace_stops_everything(patch: pytest.MonkeyPatch) -> None:
    """Under a forced workspace that is blank every request is refused, `initialize` as well."""
    _blank_is_forced(patch)

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, *request: Any) -> Any:
        if self._config.forced_workspaces == ("",):
            raise Refusal("forced_chatgpt_workspace_id is blank: it names no workspace")
        return real(self, *request)


@freedom("WORKSPACE-6", case="workspace/blank/string", says="allows only")
def blank_workspace_lets_nobody_in(patch: pytest.MonkeyPatch) -> None:
    """A forced workspace that is blank is one that no tokens belong to."""
    _blank_is_forced(patch)
