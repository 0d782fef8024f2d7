"""Plain HTTP/1.1 clients, for single requests."""

import json
import socket
import time

BODY = b'{"vehicle_id":"vehicle-000042","power_kw":11.0,"energy_kwh":22.50}'
TIMEOUT_SECONDS = 5
# Where an answer streams, and where a WebSocket opens.
CHAT, REALTIME = "/v1/chat/completions", "/v1/realtime"


def body(size):
    """A charge of `size` bytes, with a field that no proxy knows; a usual one if that is larger."""
    head = BODY[:-1] + b',"receipt":"'
    return head + b"x" * (size - len(head) - 2) + b'"}' if size > len(head) + 2 else BODY


def chat(events, kib=0):
    """What asks for an answer of so many events; its prompt makes it so large."""
    def whole(prompt):
        return json.dumps({"messages": [{"role": "user", "content": prompt}], "max_tokens": events, "ignore_eos": True,
                           "stream": True}).encode()

    return whole("x" * max(1024 * kib - len(whole("")), 1))


def request(path, body=BODY):
    """The bytes of a charge request, or of a GET if `body` is None."""
    if body is None:
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def exchange(connection, wire):
    """Sends one request, reads the whole answer, and returns its status."""
    return _exchange(connection, wire)[0]


def _exchange(connection, wire):
    connection.sendall(wire)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    fields = dict(line.split(":", 1) for line in lines[1:])
    if "content-length" in fields:
        while len(body) < int(fields["content-length"]):
            body += _some(connection)
    elif "chunked" in fields.get("transfer-encoding", ""):
        while not body.endswith(b"0\r\n\r\n"):
            body += _some(connection)
    else:
        raise ConnectionError("an answer that does not say how long it is")
    return int(lines[0].split()[1]), body


def _some(connection):
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection inside an answer")
    return data


def first_byte(connection, wire):
    """Sends one request and reads the whole answer; returns the seconds from the request to the answer's first byte."""
    began = time.perf_counter()
    connection.sendall(wire)
    answer = _some(connection)
    took = time.perf_counter() - began
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(f"not a 200: {answer[:60]}")
    while not answer.endswith(b"0\r\n\r\n"):
        answer = answer[-8:] + _some(connection)
    return took


def connect(port):
    """A connection that fails rather than waits forever."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)


def answers(port, wire):
    """Whether the server answers this request with 200."""
    with connect(port) as connection:
        return exchange(connection, wire) == 200


def page(port, path):
    """The text of a page."""
    with connect(port) as connection:
        return _exchange(connection, request(path, body=None))[1].decode()
