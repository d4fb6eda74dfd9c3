"""A real browser, driven by ChromeDriver over the WebDriver protocol."""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name of an element's id, by the protocol
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """One window.

    Args:
        client: speaks to ChromeDriver's session.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _do(self, command: str, **arguments: Any) -> Any:
        response = self._client.post(command, json=arguments)
        value = response.json()["value"]
        assert response.is_success, value
        return value

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a file."""
        self._do("url", url=f"{page.as_uri()}{fragment}")

    def view(self, width: int, height: int, *, dark: bool = False) -> None:
        """Make the window so large, and its user like light or dark."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        self._devtools("Emulation.setEmulatedMedia", {"features": [scheme]})

    def without_scripts(self) -> None:
        """Run no script of a page that is loaded from now on."""
        self._devtools("Emulation.setScriptExecutionDisabled", {"value": True})

    def _devtools(self, command: str, params: dict[str, Any]) -> Any:
        return self._do("goog/cdp/execute", cmd=command, params=params)

    def click(self, selector: str) -> None:
        """Click the first element that the CSS selector finds."""
        element = self._do("element", using="css selector", value=selector)[_ELEMENT]
        self._do(f"element/{element}/click")

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        element = self._do("element", using="css selector", value=selector)[_ELEMENT]
        self._do(f"element/{element}/value", text=text)

    def press(self, key: str) -> None:
        """Press a key, wherever the focus is."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._do("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self._do("execute/sync", script=f"return {expression}", args=[])

    def seen(self, selector: str) -> bool:
        """Whether the first element that the CSS selector finds is displayed; without a script."""
        element = self._do("element", using="css selector", value=selector)[_ELEMENT]
        rect = self._client.get(f"element/{element}/rect").json()["value"]
        return bool(rect["width"] and rect["height"])

    def url(self) -> str:
        """Where the window is."""
        return str(self._client.get("url").json()["value"])

    def console(self) -> list[str]:
        """What the page complained about since the last time."""
        return [entry["message"] for entry in self._do("se/log", type="browser")]

    def screenshot(self, path: Path) -> None:
        """Write what the window shows."""
        answer = self._devtools("Page.captureScreenshot", {"format": "png"})
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a fresh profile, ended at the end."""
    driver = shutil.which("chromedriver")
    assert driver, "chromedriver is needed: `make test-browser` says how to install it"
    with (
        tempfile.TemporaryDirectory() as profile,
        _driver(driver) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/", timeout=30, trust_env=False) as http,
    ):
        options = {"args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        asked = {"capabilities": {"alwaysMatch": wanted}}
        answer = http.post("session", json=asked).json()["value"]
        assert "sessionId" in answer, answer
        http.base_url = f"http://127.0.0.1:{port}/session/{answer['sessionId']}/"
        yield Browser(http)
        http.delete("")


@contextmanager
def _driver(path: str) -> Iterator[int]:
    """ChromeDriver on a port of its own."""
    with subprocess.Popen([path, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            started = next(
                line for line in process.stdout if "started successfully on port" in line
            )
            yield int(started.rpartition("port ")[2].rstrip(".\n"))
        finally:
            process.terminate()
