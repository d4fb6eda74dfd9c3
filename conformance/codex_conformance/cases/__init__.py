"""The cases: a file per area of clauses, a coroutine function per case."""
