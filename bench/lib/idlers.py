"""Thousands of idle connections over HTTP/1.1, TLS or HTTP/2, after one request each or before the first byte."""

import ssl
import struct
from contextlib import contextmanager

from . import clients
from .points import CLEAR2, HTTP1, HTTP2, TLS

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, ACK, END_HEADERS = 1, 1, 4
FRAME_HEAD = 9
STATUS_200 = 0x88  # `:status: 200` in HPACK's static table


@contextmanager
def idle(protocol, port, path, count):
    """`count` open connections, each of which has made one request that was answered with 200."""
    connections = []
    try:
        for number in range(1, count + 1):
            connections.append(OPEN[protocol](port))
            if not ASK[protocol](connections[-1], path):
                raise ConnectionError(f"no 200 for idle client {number}")
        yield
    finally:
        for connection in connections:
            connection.close()


@contextmanager
def silent(port, count):
    """`count` open connections, over which nothing was sent."""
    connections = []
    try:
        while len(connections) < count:
            connections.append(clients.connect(port))
        yield
    finally:
        for connection in connections:
            connection.close()


def _secure(port, protocol="http/1.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # made by this run, for this machine
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(clients.connect(port), server_hostname="localhost")


def _ask1(connection, path):
    return clients.exchange(connection, clients.request(path)) == 200


def _ask2(connection, path):
    """One request as stream 1; leaves the connection open."""
    connection.sendall(PREFACE + _frame(SETTINGS) + _frame(HEADERS, END_HEADERS, 1, _head(path))
                       + _frame(DATA, END_STREAM, 1, clients.BODY))
    answered = False
    while True:
        kind, flags, stream, payload = _read_frame(connection)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(_frame(SETTINGS, ACK))
        elif kind == HEADERS and stream == 1:
            # Before it there may be updates of the size of the dynamic table, a byte or more each.
            answered = STATUS_200 in payload[:8]
        if stream == 1 and kind in (HEADERS, DATA) and flags & END_STREAM:
            return answered


def _head(path):
    """A block of literal headers, in which nothing is indexed or compressed: any HTTP/2 server reads it."""
    fields = {":method": "POST", ":scheme": "http", ":authority": "localhost", ":path": path,
              "content-type": "application/json", "content-length": str(len(clients.BODY))}
    return b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
                    for name, value in fields.items())


def _frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _read_frame(connection):
    head = _exactly(connection, FRAME_HEAD)
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream, _exactly(connection, int.from_bytes(head[:3], "big"))


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("the server closed the connection inside a frame")
        data += more
    return data


OPEN = {HTTP1: clients.connect, TLS: _secure, CLEAR2: clients.connect, HTTP2: lambda port: _secure(port, "h2")}
ASK = {HTTP1: _ask1, TLS: _ask1, CLEAR2: _ask2, HTTP2: _ask2}
