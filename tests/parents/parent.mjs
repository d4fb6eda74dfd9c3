// A parent application that keeps every PARENT clause, with nothing but Node.
//
// It fetches its tokens from TOKEN_ISSUER_URL, starts codex, logs in, does one turn, and answers
// refresh requests until codex ends. Where two connections are judged it uses the WebSocket.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const REFRESH = "account/chatgptAuthTokens/refresh";
const ISSUER_PATIENCE = 5000; // milliseconds; codex waits 10 s for the answer
const ECHO = 2000; // milliseconds in which a further request is about the token before the last one
const MOST_REFRESHES = 10; // within a minute

class RefreshError extends Error {} // there are no new tokens; the message has no secret in it

async function fetchTokens(account) {
  let response, tokens;
  try {
    response = await fetch(process.env.TOKEN_ISSUER_URL, {
      method: "POST",
      body: JSON.stringify({ account }),
      signal: AbortSignal.timeout(ISSUER_PATIENCE),
    });
    tokens = await response.json();
  } catch {
    throw new RefreshError("the token issuer cannot be reached");
  }
  if (response.status !== 200) {
    throw new RefreshError(`the token issuer refuses with ${response.status}`);
  }
  if (!tokens?.access_token) throw new RefreshError("the token issuer has no tokens");
  return tokens;
}

// The newest tokens of one account: one rotation at a time, and the newest token wins.
class Tokens {
  static async open() {
    const tokens = new Tokens();
    tokens.newest = await fetchTokens(null);
    tokens.account = tokens.newest.account_id;
    tokens.answered = -Infinity;
    tokens.times = [];
    return tokens;
  }

  // Tokens that are newer than the ones that were rejected.
  async fresh(previous) {
    if (previous != null && previous !== this.account) {
      throw new RefreshError("this is not the account that is logged in");
    }
    this.count();
    if (performance.now() - this.answered < ECHO) return this.newest;
    this.rotation ??= this.rotate().finally(() => (this.rotation = undefined));
    return this.rotation;
  }

  async rotate() {
    const tokens = await fetchTokens(this.account);
    if (tokens.account_id !== this.account) {
      throw new RefreshError("the token issuer has tokens of another account");
    }
    if (tokens.access_token === this.newest.access_token) {
      throw new RefreshError("the token issuer has no newer tokens");
    }
    this.newest = tokens;
    this.answered = performance.now();
    return tokens;
  }

  count() {
    const now = performance.now();
    this.times = [...this.times.filter((each) => now - each < 60_000), now];
    if (this.times.length > MOST_REFRESHES) {
      throw new RefreshError("the tokens are rejected again and again: log in anew");
    }
  }
}

// A codex that is started here; a message per line.
function startCodex({ onLine, onEnd }) {
  const child = spawn(process.env.CODEX_BIN ?? "codex", ["app-server"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  createInterface({ input: child.stdout, crlfDelay: Infinity }).on("line", onLine);
  child.stdin.on("error", () => {}); // codex has ended; onEnd tells everybody
  child.on("error", (error) => onEnd(error.message));
  child.on("exit", (status) => onEnd(`its exit status is ${status}`));
  return (line) => child.stdin.write(`${line}\n`);
}

// A conversation with an app-server; without tokens it only watches.
class Codex {
  constructor(open, tokens) {
    this.tokens = tokens;
    this.nextId = 0;
    this.pending = new Map(); // a Map tells the key 1 from the key "1"
    this.ended = new Promise((resolve) => {
      this.write = open({
        onLine: (line) => this.heed(line),
        onEnd: (why) => {
          for (const { reject } of this.pending.values()) reject(new Error("codex has ended"));
          resolve(why);
        },
      });
    });
  }

  send(message) {
    this.write(JSON.stringify(message));
  }

  // A message with a method is codex's own, whatever its id; one without is an answer.
  heed(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return;
    }
    const { id, method } = message;
    if (method === undefined) {
      const waiting = this.pending.get(id);
      this.pending.delete(id);
      if ("result" in message) waiting?.resolve(message.result);
      else waiting?.reject(new Error(message.error?.message));
    } else if (method === REFRESH) {
      if (this.tokens) this.refresh(message); // else whoever owns the tokens answers
    } else if (id !== undefined) {
      this.send({ id, error: { code: -32601, message: "this application does not do that" } });
    }
  }

  // Answer one refresh request, with tokens or with an error, in any case.
  async refresh({ id, params }) {
    try {
      this.send({ id, result: this.shaped(await this.tokens.fresh(params?.previousAccountId)) });
    } catch (error) {
      const known = error instanceof RefreshError;
      const message = known ? error.message : "the refresh went wrong";
      console.error(`cannot refresh: ${message}`);
      this.send({ id, error: { code: known ? -32000 : -32603, message } });
    }
  }

  shaped({ access_token, account_id, plan_type }) {
    return { accessToken: access_token, chatgptAccountId: account_id, chatgptPlanType: plan_type };
  }

  call(method, params) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.send({ id, method, params });
    });
  }

  async greet() {
    await this.call("initialize", {
      clientInfo: { name: "example-parent", title: "Example", version: "1.0" },
      capabilities: { experimentalApi: true },
    });
    this.send({ method: "initialized" });
  }

  async logIn() {
    const login = { type: "chatgptAuthTokens", ...this.shaped(this.tokens.newest) };
    await this.call("account/login/start", login);
  }

  async turn(text) {
    const { thread } = await this.call("thread/start", {});
    const input = [{ type: "text", text }];
    await this.call("turn/start", { threadId: thread.id, input });
  }
}

async function main() {
  const tokens = await Tokens.open();
  let open = startCodex;
  const several = process.env.CODEX_CONFORMANCE_SCENARIO?.startsWith("connections/");
  if (several) open = (await import("./websocket_client.mjs")).connect;
  const codex = new Codex(open, tokens);
  await codex.greet();
  await codex.logIn();
  if (several) await new Codex(open).greet();
  await codex.turn("Say hello.");
  throw new Error(`codex has ended: ${await codex.ended}`);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
