"""Keeps a released binary on this machine, whatever it does with the proxy variables."""

import shutil
import subprocess

# A network namespace of its own. Without the right to make one, the refusing proxy is what holds.
_ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']


def alone() -> list[str]:
    """The words before a command that leave it nothing but loopback, as far as that is allowed."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return []
    done = subprocess.run([*_ALONE, "true"], capture_output=True, check=False)
    return _ALONE if done.returncode == 0 else []
