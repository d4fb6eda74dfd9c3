// A parent application that keeps the PARENT clauses, with nothing but Rust's standard library.
//
// It fetches its tokens from TOKEN_ISSUER_URL, starts codex, logs in, does one turn, and answers
// refresh requests until codex ends. `rustc parent.rs` builds it.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{exit, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const REFRESH: &str = "account/chatgptAuthTokens/refresh";
const ISSUER_PATIENCE: Duration = Duration::from_secs(5); // codex waits 10 s for the answer
const ECHO: Duration = Duration::from_secs(2); // in which a request is about the token before the last
const MOST_REFRESHES: usize = 10; // within a minute

/// A JSON value; numbers stay as they are written, so that no id loses a digit.
enum Json {
    Null,
    Other(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|one| one.0 == name).map(|one| &one.1),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn written(&self) -> String {
        match self {
            Json::Null => "null".into(),
            Json::Other(text) => text.clone(),
            Json::Text(text) => quoted(text),
            Json::List(values) => {
                let values: Vec<String> = values.iter().map(Json::written).collect();
                format!("[{}]", values.join(","))
            }
            Json::Object(members) => {
                let members = members.iter();
                let members: Vec<String> =
                    members.map(|one| format!("{}:{}", quoted(&one.0), one.1.written())).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => written.extend(['\\', sign]),
            '\0'..='\x1f' => written += &format!("\\u{:04x}", sign as u32),
            _ => written.push(sign),
        }
    }
    written + "\""
}

/// Reads JSON; None where it is none.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn whole(text: &str) -> Option<Json> {
        let mut reader = Reader { rest: text };
        let value = reader.value()?;
        reader.rest.trim().is_empty().then(|| value)
    }

    fn value(&mut self) -> Option<Json> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '"' => self.string().map(Json::Text),
            '[' => self.items(']', |reader| reader.value()).map(Json::List),
            '{' => self.items('}', Reader::member).map(Json::Object),
            _ => {
                let word = |sign: char| sign.is_ascii_alphanumeric() || "+-.".contains(sign);
                let end = self.rest.find(|sign| !word(sign)).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                match word {
                    "" => None,
                    "null" => Some(Json::Null),
                    _ => Some(Json::Other(word.into())),
                }
            }
        }
    }

    fn taken(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn items<T>(&mut self, end: char, item: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut found = Vec::new();
        self.rest = &self.rest[1..];
        while !self.taken(end) {
            if !found.is_empty() && !self.taken(',') {
                return None;
            }
            found.push(item(self)?);
        }
        Some(found)
    }

    fn member(&mut self) -> Option<(String, Json)> {
        self.rest = self.rest.trim_start();
        let name = self.string()?;
        self.taken(':').then(|| ())?;
        Some((name, self.value()?))
    }

    fn string(&mut self) -> Option<String> {
        let mut units: Vec<u16> = Vec::new(); // as JSON escapes them
        let mut signs = self.rest.strip_prefix('"')?.chars();
        loop {
            match signs.next()? {
                '"' => break,
                '\\' => match signs.next()? {
                    'u' => {
                        let digits = signs.as_str().get(..4)?;
                        units.push(u16::from_str_radix(digits, 16).ok()?);
                        signs = signs.as_str()[4..].chars();
                    }
                    'b' => units.push(8),
                    'f' => units.push(12),
                    'n' => units.push(10),
                    'r' => units.push(13),
                    't' => units.push(9),
                    sign => units.extend(sign.encode_utf16(&mut [0; 2]).iter()),
                },
                sign => units.extend(sign.encode_utf16(&mut [0; 2]).iter()),
            }
        }
        self.rest = signs.as_str();
        Some(String::from_utf16_lossy(&units))
    }
}

fn text(value: &str) -> Json {
    Json::Text(value.into())
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

#[derive(Clone)]
struct Tokens {
    access: String,
    account: String,
    plan: Option<String>,
}

impl Tokens {
    fn shaped(&self) -> Vec<(&str, Json)> {
        vec![
            ("accessToken", text(&self.access)),
            ("chatgptAccountId", text(&self.account)),
            ("chatgptPlanType", self.plan.as_deref().map_or(Json::Null, text)),
        ]
    }
}

/// New tokens of an account, or of the current one; the errors have no secret in them.
fn fetch(account: Option<&str>) -> Result<Tokens, String> {
    let url = env::var("TOKEN_ISSUER_URL").map_err(|_| "TOKEN_ISSUER_URL is not set")?;
    let (host, path) = url.trim_start_matches("http://").split_once('/').ok_or("it is no URL")?;
    let body = object(vec![("account", account.map_or(Json::Null, text))]).written();
    let (status, answer) = post(host, path, &body)
        .ok_or_else(|| "the token issuer cannot be reached".to_string())?;
    if status != "200" {
        return Err(format!("the token issuer refuses with {status}"));
    }
    let found = Reader::whole(&answer).and_then(|members| {
        Some(Tokens {
            access: members.text("access_token")?.into(),
            account: members.text("account_id")?.into(),
            plan: members.text("plan_type").map(String::from),
        })
    });
    found.ok_or_else(|| "the token issuer has no tokens".into())
}

/// The status and the body of an answer, if one came in time and whole.
fn post(host: &str, path: &str, body: &str) -> Option<(String, String)> {
    let address = host.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, ISSUER_PATIENCE).ok()?;
    stream.set_read_timeout(Some(ISSUER_PATIENCE)).ok()?;
    let length = body.len();
    let request = format!("POST /{path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.into(), body.into()))
}

/// The newest tokens of one account: one rotation at a time, and the newest token wins.
struct Keeper {
    newest: Tokens,
    answered: Option<Instant>,
    times: Vec<Instant>,
}

impl Keeper {
    /// Tokens that are newer than the ones that were rejected when the request came.
    fn fresh(&mut self, previous: Option<&str>, asked: Instant) -> Result<Tokens, String> {
        if previous.map_or(false, |account| account != self.newest.account) {
            return Err("this is not the account that is logged in".into());
        }
        self.times.retain(|time| time.elapsed() < Duration::from_secs(60));
        self.times.push(Instant::now());
        if self.times.len() > MOST_REFRESHES {
            return Err("the tokens are rejected again and again: log in anew".into());
        }
        if self.answered.map_or(false, |answered| asked < answered + ECHO) {
            return Ok(self.newest.clone());
        }
        let found = fetch(Some(&self.newest.account))?;
        if found.account != self.newest.account {
            return Err("the token issuer has tokens of another account".into());
        }
        if found.access == self.newest.access {
            return Err("the token issuer has no newer tokens".into());
        }
        self.newest = found.clone();
        self.answered = Some(Instant::now());
        Ok(found)
    }
}

/// A conversation with codex; `pending` is None once it has ended.
struct Codex {
    keeper: Mutex<Keeper>,
    stdin: Mutex<ChildStdin>,
    pending: Mutex<Option<HashMap<String, Sender<Json>>>>,
}

impl Codex {
    fn send(&self, message: Json) {
        let line = message.written() + "\n";
        // If codex has ended, the reader tells whoever waits for an answer.
        let _ = self.stdin.lock().unwrap().write_all(line.as_bytes());
    }

    /// Takes in messages and never waits for anything else.
    fn read(self: Arc<Self>, stdout: ChildStdout) {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            if let Some(message) = Reader::whole(&String::from_utf8_lossy(&line)) {
                self.heed(message);
            }
        }
        *self.pending.lock().unwrap() = None;
    }

    /// A message with a method is codex's own, whatever its id; one without is an answer.
    fn heed(self: &Arc<Self>, message: Json) {
        let id = message.get("id").map(Json::written);
        match (message.text("method"), id) {
            (None, Some(id)) => {
                let mut pending = self.pending.lock().unwrap();
                if let Some(waiting) = pending.as_mut().and_then(|all| all.remove(&id)) {
                    let _ = waiting.send(message);
                }
            }
            (Some(REFRESH), Some(id)) => {
                let (codex, asked) = (self.clone(), Instant::now());
                thread::spawn(move || codex.refresh(id, message, asked));
            }
            (Some(_), Some(id)) => self.refuse(id, -32601, "this application does not do that"),
            _ => {}
        }
    }

    /// Answers one request, with tokens or with an error, in any case.
    fn refresh(&self, id: String, message: Json, asked: Instant) {
        let previous = message.get("params").and_then(|params| params.text("previousAccountId"));
        let found = self.keeper.lock().unwrap().fresh(previous, asked);
        match found {
            Ok(tokens) => {
                let result = object(tokens.shaped());
                self.send(object(vec![("id", Json::Other(id)), ("result", result)]));
            }
            Err(reason) => {
                eprintln!("cannot refresh: {reason}");
                self.refuse(id, -32000, &reason);
            }
        }
    }

    fn refuse(&self, id: String, code: i32, reason: &str) {
        let error = object(vec![("code", Json::Other(code.to_string())), ("message", text(reason))]);
        self.send(object(vec![("id", Json::Other(id)), ("error", error)]));
    }

    fn call(&self, id: u32, method: &str, params: Json) -> Result<Json, String> {
        let (answer, answered) = channel();
        let ended = || format!("codex has ended before it answered {method}");
        let mut pending = self.pending.lock().unwrap();
        pending.as_mut().ok_or_else(ended)?.insert(id.to_string(), answer);
        drop(pending);
        let id = Json::Other(id.to_string());
        self.send(object(vec![("id", id), ("method", text(method)), ("params", params)]));
        let message = answered.recv().map_err(|_| ended())?;
        match message.get("error").and_then(|error| error.text("message")) {
            Some(reason) => Err(format!("{method} failed: {reason}")),
            None => Ok(message),
        }
    }

    fn converse(&self, tokens: Tokens) -> Result<(), String> {
        let client = vec![("name", "example-parent"), ("title", "Example"), ("version", "1.0")];
        let client = client.into_iter().map(|(name, value)| (name, text(value))).collect();
        let capabilities = object(vec![("experimentalApi", Json::Other("true".into()))]);
        let greeting = vec![("clientInfo", object(client)), ("capabilities", capabilities)];
        self.call(0, "initialize", object(greeting))?;
        self.send(object(vec![("method", text("initialized"))]));
        let mut login = tokens.shaped();
        login.push(("type", text("chatgptAuthTokens")));
        self.call(1, "account/login/start", object(login))?;
        let started = self.call(2, "thread/start", object(vec![]))?;
        let thread = started.get("result").and_then(|result| result.get("thread"));
        let thread = thread.and_then(|one| one.text("id")).ok_or("thread/start: no thread")?;
        let input = object(vec![("type", text("text")), ("text", text("Say hello."))]);
        let turn = vec![("threadId", text(thread)), ("input", Json::List(vec![input]))];
        self.call(3, "turn/start", object(turn)).map(|_| ())
    }
}

fn run() -> Result<String, String> {
    let newest = fetch(None)?;
    let codex = env::var("CODEX_BIN").unwrap_or_else(|_| "codex".into());
    let mut child = Command::new(codex)
        .arg("app-server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| format!("codex cannot be started: {error}"))?;
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let codex = Arc::new(Codex {
        keeper: Mutex::new(Keeper { newest: newest.clone(), answered: None, times: vec![] }),
        stdin: Mutex::new(stdin),
        pending: Mutex::new(Some(HashMap::new())),
    });
    let reader = codex.clone();
    let reader = thread::spawn(move || reader.read(stdout));
    codex.converse(newest)?;
    let _ = reader.join();
    let status = child.wait().map_err(|error| error.to_string())?;
    Ok(format!("codex has ended: {status}"))
}

fn main() {
    let (Ok(last) | Err(last)) = run();
    eprintln!("{last}");
    exit(1);
}
