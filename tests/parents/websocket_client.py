"""A client of a WebSocket, as far as an app-server needs one: text frames, whole."""

import base64
import os
import socket
import struct
import urllib.parse

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocket:
    """One connection; a message per line."""

    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass

    def lines(self):
        """What comes, to the end."""
        try:
            while len(head := self.stream.read(2)) == 2:
                size = head[1] & 127
                if size > 125:
                    form = ">H" if size == 126 else ">Q"
                    (size,) = struct.unpack(form, self.stream.read(struct.calcsize(form)))
                payload = self.stream.read(size)
                if head[0] & 15 == TEXT:
                    yield payload
                elif head[0] & 15 == PING:
                    self.frame(PONG, payload)
                elif head[0] & 15 == CLOSE:
                    return
        except OSError:
            return

    def write(self, line):
        self.frame(TEXT, line)

    def frame(self, kind, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 128 | kind, 128 | size)
        elif size < 65536:
            head = struct.pack(">BBH", 128 | kind, 128 | 126, size)
        else:
            head = struct.pack(">BBQ", 128 | kind, 128 | 127, size)
        self.socket.sendall(head + b"\0\0\0\0" + payload)  # a mask of zeros changes nothing

    def ended(self):
        return "the connection is closed"
