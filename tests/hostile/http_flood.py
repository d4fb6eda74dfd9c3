"""Hostile requests to the mock backend: `http_flood.py PORT`."""

import contextlib
import socket
import sys

MIB = 1024 * 1024
PORT = int(sys.argv[1])


def connected() -> socket.socket:
    return socket.create_connection(("127.0.0.1", PORT), timeout=5)


def sends(*pieces: bytes) -> None:
    with contextlib.suppress(OSError), connected() as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.recv(100)


held = []
for _ in range(300):  # that say nothing
    with contextlib.suppress(OSError):
        held.append(connected())
sends(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 8 * MIB)
sends(b"GET /" + b"a" * 8 * MIB + b" HTTP/1.1\r\nhost: a\r\n\r\n")
length = b"content-length: %d\r\n\r\n" % (256 * MIB)
sends(b"POST /v1/responses HTTP/1.1\r\nhost: a\r\n" + length, *[b"x" * MIB] * 256)
for number in range(500):
    sends(b"GET /%d HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" % number)
sends(b"\x16\x03\x01 this is no HTTP")
