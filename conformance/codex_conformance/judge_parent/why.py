"""Why each clause matters: what the user of the application would see if it were broken."""

WHY = {
    "PARENT-1": "codex refuses what it cannot read: the app would start and never get anywhere.",
    "PARENT-2": "codex refuses the login of a client without it: nobody could log in.",
    "PARENT-3": "codex waits 10 s for one good answer and then fails the turn: the user sees a "
    "turn die, some time after each token has expired.",
    "PARENT-4": "codex numbers its requests from 0, whatever the app uses: the answer gets lost, "
    "and the user's turn fails after 10 s.",
    "PARENT-5": "codex tries once more with the token it is given: with the rejected one it is "
    "rejected again, and the user's turn fails.",
    "PARENT-6": "the user's next request is made as somebody else: in the wrong workspace, on the "
    "wrong bill, or refused.",
    "PARENT-7": "each rotation ends the refresh token before it: two at once log the user out "
    "everywhere (refresh_token_reused).",
    "PARENT-8": "turns that run side by side ask for the same token one after the other: each "
    "needless rotation is one more chance to be logged out.",
    "PARENT-9": "codex asks in the middle of a turn, while the app waits for it: if the app does "
    "not read on, both wait for each other, and the turn fails.",
    "PARENT-10": "without an error codex waits its 10 s, or tries a dead token: the user learns "
    "late, or never, that it is time to log in again.",
    "PARENT-11": "codex may find the token rejected while it is still logging in: an app that is "
    "not ready yet never gets logged in.",
    "PARENT-12": "the user looks at an app that seems to be logged in and is not, or at one that "
    "hammers the service.",
    "PARENT-13": "a token that nobody accepts turns into an endless loop of requests, at the cost "
    "of the user's rate limit.",
    "PARENT-14": "codex adds names with every release: the app would break on the user's next "
    "update of codex.",
    "PARENT-15": "codex can crash or be updated under the app: the user would face a frozen "
    "window, or a crash.",
    "PARENT-16": "whoever reads the logs, the process list or the disk can act as the user.",
    "PARENT-17": "the first answer counts, good or bad: an app that only watches would spoil the "
    "login of the one that owns the tokens.",
}
