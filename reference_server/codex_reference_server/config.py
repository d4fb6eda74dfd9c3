"""The configuration: `CODEX_HOME/config.toml` as codex reads it, overridden by `-c key=value`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import msgspec

from codex_reference_server.revision import Revision

DEFAULT_MODEL = "gpt-5-codex"
FILE = "config.toml"
BUILT_IN_PROVIDER = "openai"
LOGIN_METHODS = ("chatgpt", "api")

OPENAI = "https://auth.openai.com"
CODEX = "app_EMoamEEZ73f0CkXaXp7hrann"

LoginMethod = Literal["chatgpt", "api"]
Table = dict[str, Any]
T = TypeVar("T")

_TYPE_NAMES = {str: "a string", bool: "true or false", dict: "a table"}


class ConfigError(Exception):
    """The configuration is of no use; the message says where, what is there, what is expected."""


class IssuerConfig(msgspec.Struct, frozen=True):
    """Who issues the tokens of managed logins, and as whom it knows us.

    Attributes:
        origin: without a slash at the end.
        refresh_url: where refresh tokens are traded in.
        revoke_url: where they are given back.
    """

    origin: str = OPENAI
    client_id: str = CODEX
    refresh_url: str = f"{OPENAI}/oauth/token"
    revoke_url: str = f"{OPENAI}/oauth/revoke"


class Config(msgspec.Struct, frozen=True):
    """What the configuration says, as far as this server heeds it.

    Attributes:
        home: `CODEX_HOME`, absolute.
        overrides: each a text `key=value`.
        base_url: of the model provider, without a slash at the end; None if none is configured,
            and then turns fail.
        chatgpt_base_url: of the account endpoints, likewise.
        requires_openai_auth: whether the provider is sent credentials.
        forced_workspaces: the workspaces that ChatGPT tokens may belong to; empty allows any.
    """

    home: Path
    overrides: tuple[str, ...]
    model: str
    provider: str
    base_url: str | None
    requires_openai_auth: bool
    chatgpt_base_url: str | None
    forced_workspaces: tuple[str, ...]
    forced_login_method: LoginMethod | None
    issuer: IssuerConfig = IssuerConfig()

    @property
    def file(self) -> Path:
        """Where the user's configuration is, if there is one."""
        return self.home / FILE


def load_config(
    home: Path | None, environ: Mapping[str, str], overrides: Sequence[str], revision: Revision
) -> Config:
    """The configuration in `home`, by default in `$CODEX_HOME`, else in `~/.codex`.

    Each of the overrides is a text `key=value`: a dotted key; a TOML value, or a string as it is.

    Raises:
        ConfigError: it cannot be read or has values of the wrong kind.
    """
    home = _absolute_home(home, environ)
    file = home / FILE
    settings = _read_toml(file)
    for override in overrides:
        _apply(override, settings)
    place = f"{file} with -c" if overrides else str(file)
    config = _interpret(home, tuple(overrides), _Settings(settings, place), revision)
    return msgspec.structs.replace(config, issuer=_issuer(environ))


def read_layers(config: Config) -> tuple[Table, Table]:
    """What the file says now, and what the overrides say.

    Raises:
        ConfigError: the file cannot be read any more.
    """
    from_flags: Table = {}
    for override in config.overrides:
        _apply(override, from_flags)
    return _read_toml(config.file), from_flags


def _issuer(environ: Mapping[str, str]) -> IssuerConfig:
    """The issuer that codex would speak to in this environment."""
    origin = _url("CODEX_APP_SERVER_LOGIN_ISSUER", environ, OPENAI)
    return IssuerConfig(
        origin=origin,
        client_id=environ.get("CODEX_APP_SERVER_LOGIN_CLIENT_ID") or CODEX,
        refresh_url=_url("CODEX_REFRESH_TOKEN_URL_OVERRIDE", environ, f"{origin}/oauth/token"),
        revoke_url=_url("CODEX_REVOKE_TOKEN_URL_OVERRIDE", environ, f"{origin}/oauth/revoke"),
    )


def _url(name: str, environ: Mapping[str, str], default: str) -> str:
    url = (environ.get(name) or default).rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"{name} is {url!r}, expected a URL that begins https:// or http://")
    return url


def _absolute_home(home: Path | None, environ: Mapping[str, str]) -> Path:
    if home is None and environ.get("CODEX_HOME"):
        home = Path(environ["CODEX_HOME"])
    if home is None:
        return Path(environ.get("HOME") or Path.home(), ".codex").absolute()
    if not home.is_dir():
        raise ConfigError(f"CODEX_HOME is {home}, expected a folder that exists")
    return home.absolute()


def _read_toml(file: Path) -> Table:
    try:
        content = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None

    import tomllib

    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _apply(override: str, settings: Table) -> None:
    """Set what `key=value` says."""
    dotted, equals, text = override.partition("=")
    *path, key = (part.strip() for part in dotted.split("."))
    if not equals or not all((*path, key)):
        raise ConfigError(f"-c {dotted}: expected key=value, such as -c model=gpt-5")
    table = settings
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"-c {dotted}: {part} is set to a value and cannot have members")
    table[key] = _toml_value(text.strip())


def _toml_value(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip("\"'")


class _Settings(msgspec.Struct, frozen=True):
    """A table of the configuration that says where it stands when a value is of the wrong kind."""

    table: Table
    place: str

    def get(self, key: str, kind: type[T]) -> T | None:
        """The value of a key, None if it is not there."""
        value = self.table.get(key)
        if value is None or isinstance(value, kind):
            return value
        raise self.wrong(key, _TYPE_NAMES[kind])

    def section(self, key: str) -> "_Settings":
        """The table under a key, empty if it is not there."""
        return _Settings(self.get(key, dict) or {}, f"{self.place}, [{key}]")

    def wrong(self, key: str, expected: str) -> ConfigError:
        """The error for a value that is not as expected."""
        return ConfigError(f"{self.place}: {key} is {self.table.get(key)!r}, expected {expected}")


def _interpret(
    home: Path, overrides: tuple[str, ...], settings: _Settings, revision: Revision
) -> Config:
    provider = settings.get("model_provider", str) or BUILT_IN_PROVIDER
    is_built_in = provider == BUILT_IN_PROVIDER
    providers = settings.section("model_providers")
    if provider not in providers.table and not is_built_in:
        raise settings.wrong(
            "model_provider", f"a provider with a table [model_providers.{provider}]"
        )
    details = providers.section(provider)
    needs_auth = details.get("requires_openai_auth", bool)
    base_url = details.get("base_url", str)
    account_url = settings.get("chatgpt_base_url", str)
    return Config(
        home=home,
        overrides=overrides,
        model=settings.get("model", str) or DEFAULT_MODEL,
        provider=provider,
        base_url=base_url.rstrip("/") if base_url else None,
        requires_openai_auth=is_built_in if needs_auth is None else needs_auth,
        chatgpt_base_url=account_url.rstrip("/") if account_url else None,
        forced_workspaces=_forced_workspaces(settings, revision),
        forced_login_method=_forced_login_method(settings),
    )


def _forced_workspaces(settings: _Settings, revision: Revision) -> tuple[str, ...]:
    """The workspaces that are allowed; blanks around them do not count, and blank ones neither."""
    key = "forced_chatgpt_workspace_id"
    value = settings.table.get(key, [])
    workspaces = [value] if isinstance(value, str) else value
    is_list = isinstance(workspaces, list) and all(isinstance(each, str) for each in workspaces)
    if not is_list:
        raise settings.wrong(key, "a string or a list of strings")
    if isinstance(value, list) and value and not revision.several_workspaces:
        raise settings.wrong(key, f"a string in revision {revision.name}")
    return tuple(trimmed for each in workspaces if (trimmed := each.strip()))


def _forced_login_method(settings: _Settings) -> LoginMethod | None:
    key = "forced_login_method"
    method = settings.get(key, str)
    if method is not None and method not in LOGIN_METHODS:
        raise settings.wrong(key, " or ".join(map(repr, LOGIN_METHODS)))
    return cast("LoginMethod | None", method)
