// A client of a WebSocket for Node 20, which has none of its own yet: text frames, whole.
import { randomBytes } from "node:crypto";
import { request } from "node:http";

const [TEXT, CLOSE, PING, PONG] = [1, 8, 9, 10];

export function connect({ onLine, onEnd }) {
  let socket;
  let waiting = [];
  const write = (payload, kind = TEXT) => {
    if (!socket) return waiting.push(payload);
    const data = Buffer.from(payload);
    const size = data.length;
    const head = Buffer.alloc(size < 126 ? 2 : 4);
    head[0] = 128 | kind;
    head[1] = 128 | (size < 126 ? size : 126);
    if (size >= 126) head.writeUInt16BE(size, 2); // nothing here is longer than that
    socket.write(Buffer.concat([head, Buffer.alloc(4), data])); // a mask of zeros changes nothing
  };
  const upgrade = request(process.env.CODEX_APP_SERVER_URL.replace("ws://", "http://"), {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      "Sec-WebSocket-Version": "13",
    },
  });
  upgrade.on("error", (error) => onEnd(error.message));
  upgrade.on("upgrade", (_response, connection, first) => {
    socket = connection;
    socket.on("error", () => {});
    socket.on("close", () => onEnd("the connection is closed"));
    let rest = first;
    const read = (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2) {
        const short = rest[1] & 127;
        const start = { 126: 4, 127: 10 }[short] ?? 2;
        if (rest.length < start) return;
        const size =
          short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
        if (rest.length < start + size) return;
        const kind = rest[0] & 15;
        const payload = rest.subarray(start, start + size);
        rest = rest.subarray(start + size);
        if (kind === TEXT) onLine(payload.toString());
        else if (kind === PING) write(payload, PONG);
        else if (kind === CLOSE) socket.end();
      }
    };
    socket.on("data", read);
    read(Buffer.alloc(0));
    for (const payload of waiting) write(payload);
  });
  upgrade.end();
  return write;
}
