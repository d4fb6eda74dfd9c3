"""What parents ask for before they begin: the configuration, models, and what else there is."""

from typing import Any

import msgspec

from codex_reference_server.auth import Auth
from codex_reference_server.config import DEFAULT_MODEL, Config, ConfigError, Table, read_layers
from codex_reference_server.messages import INTERNAL_ERROR, Answer, Refusal, Session
from codex_reference_server.offers import (
    ListModels,
    ListSkills,
    Offer,
    Page,
    ReadAuthStatus,
    ReadConfig,
    part_of,
)

EFFORTS = ("low", "medium", "high")
PROFILES = (":read-only", ":workspace", ":danger-full-access")
MODELS = (DEFAULT_MODEL, f"{DEFAULT_MODEL}-mini")
"""Offered beside the model that is configured, so that a list has more than one page."""


class StartUp:
    """Answers that depend on the configuration and the login alone."""

    def __init__(self, config: Config, auth: Auth) -> None:
        self._config = config
        self._auth = auth

    @property
    def offers(self) -> dict[str, Offer]:
        """The requests that are answered here beyond the specification."""
        return {
            "config/read": Offer(self.read_config, ReadConfig),
            "configRequirements/read": Offer(self.read_requirements),
            "model/list": Offer(self.list_models, ListModels),
            "getAuthStatus": Offer(self.read_auth_status, ReadAuthStatus),
            "skills/list": Offer(self.list_skills, ListSkills),
            "mcpServerStatus/list": Offer(self.list_nothing, Page),
            "app/list": Offer(self.list_nothing, Page),
            "hooks/list": Offer(self.list_hooks, ListSkills, since="0.169"),
            "experimentalFeature/list": Offer(self.list_nothing, Page, since="0.99"),
            "permissionProfile/list": Offer(self.list_profiles, Page, since="0.169"),
            "app/installed": Offer(self.list_apps, since="0.169"),
            "collaborationMode/list": Offer(self.list_modes, experimental=True),
        }

    def read_config(self, params: ReadConfig, session: Session) -> Answer:  # noqa: ARG002
        """`config/read`: the file and the overrides, which of both a value is from, and both."""
        try:
            from_file, from_flags = read_layers(self._config)
        except ConfigError as error:
            raise Refusal(str(error), INTERNAL_ERROR) from None
        file = {"type": "user", "file": str(self._config.file)}
        layers = [
            (table, {"name": name, "version": _version(table)})
            for name, table in ((file, from_file), ({"type": "sessionFlags"}, from_flags))
        ]
        config: Table = {}
        origins: dict[str, Any] = {}
        for table, metadata in layers:
            _merge(table, config)
            origins |= dict.fromkeys(_leaves(table), metadata)
        result: dict[str, Any] = {"config": config, "origins": origins}
        if params.include_layers:
            result["layers"] = [
                {**metadata, "config": table} for table, metadata in reversed(layers) if table
            ]
        return Answer(result)

    def read_requirements(self, params: None, session: Session) -> Answer:  # noqa: ARG002
        """`configRequirements/read`: nobody demands anything."""
        return Answer({"requirements": None})

    def list_models(self, params: ListModels, session: Session) -> Answer:  # noqa: ARG002
        """`model/list`: the model that is configured is the default."""
        names = dict.fromkeys((self._config.model, *MODELS))
        return Answer(part_of([_model(each, self._config.model) for each in names], params))

    def read_auth_status(self, params: ReadAuthStatus, session: Session) -> Answer:  # noqa: ARG002
        """`getAuthStatus`: who is logged in; the token, to whoever asks for it."""
        credentials = self._auth.credentials
        return Answer(
            {
                "authMethod": credentials.mode if credentials else None,
                "authToken": credentials.bearer if credentials and params.include_token else None,
                "requiresOpenaiAuth": self._config.requires_openai_auth,
            }
        )

    def list_skills(self, params: ListSkills, session: Session) -> Answer:  # noqa: ARG002
        """`skills/list`: none, in any of the folders."""
        folders = params.cwds or ["."]
        return Answer({"data": [{"cwd": each, "skills": [], "errors": []} for each in folders]})

    def list_hooks(self, params: ListSkills, session: Session) -> Answer:  # noqa: ARG002
        """`hooks/list`: none, in any of the folders."""
        found = [
            {"cwd": each, "hooks": [], "warnings": [], "errors": []} for each in params.cwds or []
        ]
        return Answer({"data": found})

    def list_profiles(self, params: Page, session: Session) -> Answer:  # noqa: ARG002
        """`permissionProfile/list`: what is built in, all of it allowed, as nothing is run."""
        profiles = [{"id": each, "description": None, "allowed": True} for each in PROFILES]
        return Answer(part_of(profiles, params))

    def list_nothing(self, params: Page, session: Session) -> Answer:  # noqa: ARG002
        """`mcpServerStatus/list`, `app/list`, `experimentalFeature/list`: there are none."""
        return Answer(part_of([], params))

    def list_apps(self, params: None, session: Session) -> Answer:  # noqa: ARG002
        """`app/installed`: none is."""
        return Answer({"apps": []})

    def list_modes(self, params: None, session: Session) -> Answer:  # noqa: ARG002
        """`collaborationMode/list`: the one that changes nothing."""
        mode = {"name": "Default", "mode": "default", "model": None, "reasoning_effort": None}
        return Answer({"data": [mode]})


def _model(name: str, default: str) -> dict[str, Any]:
    return {
        "id": name,
        "model": name,
        "displayName": name,
        "description": "answered by whatever backend is configured",
        "hidden": False,
        "isDefault": name == default,
        "defaultReasoningEffort": "medium",
        "supportedReasoningEfforts": [
            {"reasoningEffort": each, "description": f"{each} effort"} for each in EFFORTS
        ],
        "inputModalities": ["text"],
        "supportsPersonality": False,
        "upgrade": None,
    }


def _merge(table: Table, into: Table) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            below = into.setdefault(key, {})
            _merge(value, below) if isinstance(below, dict) else into.update({key: value})
        else:
            into[key] = value


def _leaves(table: Table, path: str = "") -> list[str]:
    """The dotted key of every value that is no table."""
    found = []
    for key, value in table.items():
        found += _leaves(value, f"{path}{key}.") if isinstance(value, dict) else [f"{path}{key}"]
    return found


def _version(table: Table) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(msgspec.json.encode(table, order='sorted')).hexdigest()}"
