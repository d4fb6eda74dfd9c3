"""What is heeded of the arguments that a parent gives to codex."""

import pytest
from codex_conformance.errors import UnfitTargetError
from codex_conformance.judge_parent.flags import Flags
from codex_conformance.judge_parent.judge import judge_parent
from judging import HERE, PLAIN, PYTHON, told, wish

WITH_FLAGS = """
real=$CODEX_BIN
printf '#!/bin/sh\\nexec %s {flags} "$@"\\n' "$real" > "$CODEX_HOME/codex"
chmod +x "$CODEX_HOME/codex"
CODEX_BIN=$CODEX_HOME/codex exec "$0" "$@"
"""


@pytest.mark.parametrize(
    ("argv", "flags"),
    [
        (("app-server",), Flags()),
        (("-c", "model=m", "app-server"), Flags(("-c", "model=m"))),
        (("app-server", "--config=a.b=1"), Flags(("--config", "a.b=1"))),
        (("-cmodel=m", "-mother"), Flags(("-c", "model=m", "-m", "other"))),
        (("--disable", "apps", "--session-source", "cli"), Flags(("--disable", "apps"))),
        (
            ("-c", 'forced_chatgpt_workspace_id="w"', "-c", "model_providers.x.name=1"),
            Flags((), ('forced_chatgpt_workspace_id="w"', "model_providers.x.name=1")),
        ),
        (("app-server", "--listen", "ws://127.0.0.1:0"), Flags(listen="ws://127.0.0.1:0")),
    ],
)
def test_flags_are_read_from_a_command_line(argv: tuple[str, ...], flags: Flags) -> None:
    assert Flags.read(argv) == flags


def refusal(script: str) -> str:
    """Why a shell script is no parent."""
    with pytest.raises(UnfitTargetError) as caught:
        judge_parent(wish("sh", "-c", script), [])
    return caught.value.message


def test_setting_of_the_parent_is_heeded() -> None:
    client = '{"clientInfo":{"name":"x","version":"1"}}'
    ask = f"""echo '{{"id":1,"method":"initialize","params":{client}}}'
        echo '{{"method":"initialized"}}'
        echo '{{"id":2,"method":"config/read","params":{{}}}}'"""
    said = refusal(f"({ask}) | codex -c model=mine --listen stdio:// app-server")
    assert '{"id":2,"result":{"config":{"model":"mine"' in said


def test_setting_of_no_use_is_quoted() -> None:
    assert refusal("codex -c model app-server; sleep 9") == (
        "codex cannot start with what the parent gives it: "
        "-c model: expected key=value, such as -c model=gpt-5"
    )


def test_address_to_listen_at_is_refused() -> None:
    assert refusal("codex app-server --listen ws://127.0.0.1:0; sleep 9") == (
        "codex cannot start with what the parent gives it: --listen is 'ws://127.0.0.1:0', "
        "expected stdio://; its WebSocket is at the address in CODEX_APP_SERVER_URL"
    )


def test_scenario_says_which_workspace_and_which_backend_there_is() -> None:
    flags = (
        "-c forced_chatgpt_workspace_id=elsewhere -c forced_login_method=api "
        "-c model_provider=openai -c chatgpt_base_url=http://127.0.0.1:1"
    )
    parent = (*PYTHON, str(HERE / "parent.py"))
    run = judge_parent(wish("sh", "-c", WITH_FLAGS.format(flags=flags), *parent), [])
    assert {case.verdict for case in run.cases} <= set(PLAIN), told(run)
