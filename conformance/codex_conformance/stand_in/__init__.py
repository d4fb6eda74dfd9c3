"""The reference server in place of codex: an executable, a backend of its own, ways to steer it."""
