"""The parent application that lends codex its own standard error, which never blocks."""

import os
import subprocess

import parent

start = subprocess.Popen


def start_with_own_stderr(*words, **options):
    return start(*words, **options | {"stderr": None})


if __name__ == "__main__":
    os.set_blocking(2, False)
    subprocess.Popen = start_with_own_stderr
    parent.main()
