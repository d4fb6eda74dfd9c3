"""Run by the Python of the official SDK: a login, a turn, and what else its interface offers.

Arguments: the executable, CODEX_HOME. Prints what came of it as JSON.
"""

import json
import sys

from openai_codex import Codex
from openai_codex.client import CodexConfig

executable, home = sys.argv[1:]
config = CodexConfig(
    codex_bin=executable,
    env={"CODEX_HOME": home},
    config_overrides=('cli_auth_credentials_store="file"',),
)
with Codex(config) as codex:
    codex.login_api_key("sk-canary-of-the-python-sdk")
    thread = codex.thread_start(model="gpt-5-codex")
    result = thread.run("Say hello.")
    other = codex.thread_fork(thread.id)
    thread.set_name("named")
    came = {
        "server": codex.metadata.serverInfo.version.split()[0],
        "account": codex.account().account.root.type,
        "models": [model.id for model in codex.models().data],
        "status": result.status.value,
        "answer": result.final_response,
        "name": codex.thread_resume(thread.id).read().thread.name,
        "threads": len(codex.thread_list().data),
        "forked": other.id != thread.id,
    }
    codex.thread_archive(thread.id)
    codex.logout()
    came["left"] = codex.account().account
print(json.dumps(came))
