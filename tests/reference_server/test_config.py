"""What config.toml, `-c` and the command line may say, and what is said when they say it wrong."""

from pathlib import Path

import pytest
from codex_reference_server.arguments import UsageError, parse_arguments
from codex_reference_server.config import Config, ConfigError, IssuerConfig, load_config
from codex_reference_server.main import main
from codex_reference_server.revision import REVISIONS


def load(home: Path, content: str | bytes, *overrides: str, revision: str = "0.169") -> Config:
    file = home / "config.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_config(home, {}, overrides, REVISIONS[revision])


def test_config_without_a_file_is_the_built_in_provider(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}, (), REVISIONS["0.169"]) == Config(
        home=tmp_path,
        overrides=(),
        model="gpt-5-codex",
        provider="openai",
        base_url=None,
        requires_openai_auth=True,
        chatgpt_base_url=None,
        forced_workspaces=(),
        forced_login_method=None,
    )


def test_config_is_read_as_codex_reads_it(tmp_path: Path) -> None:
    content = """
        model = "m"
        model_provider = "p"
        chatgpt_base_url = "http://c.test"
        forced_chatgpt_workspace_id = " ws-1 "
        forced_login_method = "chatgpt"
        approval_policy = "never"
        [model_providers.p]
        base_url = "http://p.test/v1/"
        request_max_retries = 0
        [model_providers.q]
        requires_openai_auth = true
    """
    assert load(tmp_path, content) == Config(
        home=tmp_path,
        overrides=(),
        model="m",
        provider="p",
        base_url="http://p.test/v1",
        requires_openai_auth=False,
        chatgpt_base_url="http://c.test",
        forced_workspaces=("ws-1",),
        forced_login_method="chatgpt",
    )


def issuer_in(home: Path, **environ: str) -> IssuerConfig:
    return load_config(home, environ, (), REVISIONS["0.169"]).issuer


def test_issuer_is_that_of_codex_unless_the_environment_names_another(tmp_path: Path) -> None:
    openai = "https://auth.openai.com"
    client = "app_EMoamEEZ73f0CkXaXp7hrann"
    assert issuer_in(tmp_path) == IssuerConfig(
        openai, client, f"{openai}/oauth/token", f"{openai}/oauth/revoke"
    )
    other = "http://127.0.0.1:1"
    assert issuer_in(
        tmp_path,
        CODEX_APP_SERVER_LOGIN_ISSUER=f"{other}/",
        CODEX_APP_SERVER_LOGIN_CLIENT_ID="me",
        CODEX_REVOKE_TOKEN_URL_OVERRIDE="",
    ) == IssuerConfig(other, "me", f"{other}/oauth/token", f"{other}/oauth/revoke")
    overridden = issuer_in(tmp_path, CODEX_REFRESH_TOKEN_URL_OVERRIDE=f"{other}/t")
    assert overridden == IssuerConfig(openai, client, f"{other}/t", f"{openai}/oauth/revoke")


def test_issuer_that_is_no_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        issuer_in(tmp_path, CODEX_APP_SERVER_LOGIN_ISSUER="auth.test")
    wanted = "expected a URL that begins https:// or http://"
    assert str(refused.value) == f"CODEX_APP_SERVER_LOGIN_ISSUER is 'auth.test', {wanted}"


def test_overrides_win_over_the_file_and_later_ones_over_earlier_ones(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        'model = "file"',
        "model=first",
        "model = second words",
        'model_provider="p"',
        "model_providers.p.base_url=http://x.test/v1",
        "model_providers.p.requires_openai_auth=true",
        "forced_chatgpt_workspace_id=['a', 'b']",
    )
    assert (config.model, config.base_url) == ("second words", "http://x.test/v1")
    assert config.requires_openai_auth is True
    assert config.forced_workspaces == ("a", "b")


@pytest.mark.parametrize("value", ['""', '"  "', "[]", '["", "  "]'])
def test_blank_workspaces_are_no_restriction(tmp_path: Path, value: str) -> None:
    assert load(tmp_path, f"forced_chatgpt_workspace_id = {value}").forced_workspaces == ()


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "no-toml": ("model =", "{file} is not TOML: Invalid value (at end of document)"),
    "no-text": (
        b"\xff",
        "{file} is not UTF-8",
    ),
    "wrong-type": ("model = 5", "{file}: model is 5, expected a string"),
    "wrong-bool": (
        'model_provider = "p"\n[model_providers.p]\nrequires_openai_auth = "yes"',
        "{file}, [model_providers], [p]: requires_openai_auth is 'yes', expected true or false",
    ),
    "no-table": ("model_providers = 5", "{file}: model_providers is 5, expected a table"),
    "no-provider": (
        'model_provider = "p"',
        "{file}: model_provider is 'p', expected a provider with a table [model_providers.p]",
    ),
    "login-method": (
        'forced_login_method = "magic"',
        "{file}: forced_login_method is 'magic', expected 'chatgpt' or 'api'",
    ),
    "workspace": (
        "forced_chatgpt_workspace_id = [5]",
        "{file}: forced_chatgpt_workspace_id is [5], expected a string or a list of strings",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_config_says_where_what_and_what_was_expected(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, content)
    assert str(caught.value) == message.format(file=tmp_path / "config.toml")


def test_config_that_is_no_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.mkdir()
    with pytest.raises(ConfigError, match=f"^{file} cannot be read: Is a directory$"):
        load_config(tmp_path, {}, (), REVISIONS["0.169"])


def test_list_of_workspaces_needs_the_newest_revision(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected a string in revision 0\.99$"):
        load(tmp_path, 'forced_chatgpt_workspace_id = ["a"]', revision="0.99")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model", "-c model: expected key=value, such as -c model=gpt-5"),
        ("=x", "-c : expected key=value, such as -c model=gpt-5"),
        ("a..b=secret", "-c a..b: expected key=value, such as -c model=gpt-5"),
        ("model.x=secret", "-c model.x: model is set to a value and cannot have members"),
    ],
)
def test_bad_override_is_named_without_its_value(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, 'model = "m"', override)
    assert str(caught.value) == message


def test_home_is_where_the_environment_says_else_in_the_users_home(tmp_path: Path) -> None:
    def home(**environ: str) -> Path:
        return load_config(None, environ, (), REVISIONS["0.169"]).home

    assert home(CODEX_HOME=str(tmp_path), HOME="/nowhere") == tmp_path
    assert home(CODEX_HOME="", HOME=str(tmp_path)) == tmp_path / ".codex"


def test_arguments_are_taken_before_and_after_app_server() -> None:
    argv = ["--config=a=1", "app-server", "--revision", "0.93", "-c", "b=2", "--listen", "stdio://"]
    arguments = parse_arguments([*argv, "--stdio"])
    assert (arguments.revision.name, arguments.overrides) == ("0.93", ("a=1", "b=2"))
    assert parse_arguments([]).revision.name == "0.169"


def test_arguments_that_codex_takes_are_settings_or_without_effect() -> None:
    argv = ["-mo3", "--enable", "apps", "-c=a=1", "--session-source", "vscode", "app-server"]
    more = ["--disable=web", "--analytics-default-enabled", "-s", "read-only", "-C", "/x"]
    assert parse_arguments([*argv, *more]).overrides == (
        *("model=o3", "features.apps=true", "a=1"),
        *("features.web=false", "sandbox_mode=read-only"),
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--x=secret"], "unknown argument '--x'; --help lists those there are"),
        (["serve"], "unknown argument 'serve'; --help lists those there are"),
        (["-c"], "-c needs a value; --help says which"),
        (["--revision", "1.0"], "--revision is '1.0', expected one of 0.93, 0.99, 0.169"),
    ],
)
def test_bad_arguments_are_refused_by_name(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_arguments(argv)
    assert str(caught.value) == message


def test_main_refuses_with_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "missing"))
    assert main(["--revision", "x"]) == 2
    assert main([]) == 2
    program, missing = "codex_reference_server: error:", tmp_path / "missing"
    assert capsys.readouterr().err.splitlines() == [
        f"{program} --revision is 'x', expected one of 0.93, 0.99, 0.169",
        f"{program} CODEX_HOME is {missing}, expected a folder that exists",
    ]


def test_main_that_is_interrupted_before_it_serves_has_a_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    monkeypatch.setattr("anyio.run", interrupt)
    assert main(["--listen", "ws://127.0.0.1:0"]) == 130


def test_main_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["app-server", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m codex_reference_server ")
