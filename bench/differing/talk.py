"""Talks to a proxy, or to h11 in its place."""

import re
import socket
import time

import h11

from . import backend, outcome

PROBE = b"GET /r/probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
# A proxy that has said nothing for so long waits for more of the request.
PATIENCE = 0.35
# How long what a proxy has passed on may be on its way to the server.
ON_ITS_WAY = 0.01


def _read(connection, patience):
    """All that comes until the end or for so long; and whether it has ended."""
    connection.settimeout(patience)
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
        return received, True
    except TimeoutError:
        return received, False
    except OSError:
        return received, True


def _status(received):
    """The status of the first answer that is no interim one."""
    found = re.findall(rb"HTTP/1\.[01] (\d{3})", received)
    found = [int(status) for status in found if not status.startswith(b"1")]
    return found[0] if found else None


def request(port, server, target, case, patience=PATIENCE):
    """Sends an odd request and the probe through a proxy."""
    server.take()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(case.bytes(target) + PROBE)
        received, is_closed = _read(connection, patience)
    time.sleep(ON_ITS_WAY)
    return outcome.of_request(server.take(), _status(received), is_closed)


def request_to_h11(case):
    """The same, read by h11 as a server."""
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(case.bytes("/r/x") + PROBE)
    seen = []
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError:
            return outcome.of_request([one for one in seen if one.is_whole], 400, True)
        if isinstance(event, h11.Request):
            seen.append(backend.Seen(event))
            seen[-1].is_whole = False
        elif isinstance(event, h11.Data):
            seen[-1].body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            seen[-1].is_whole = True
            reader.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
            reader.send(h11.EndOfMessage())
            if reader.our_state is not h11.DONE:
                break
            reader.start_next_cycle()
        else:
            break
    whole = [one for one in seen if one.is_whole]
    return outcome.of_request(whole, None, bool(whole))


def _answer(reader, receive):
    """Status, body, fault and end of the next answer, from what `receive` brings; nothing if it has to wait."""
    status, body = None, b""
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError as error:
            return status, body, str(error), False
        if event is h11.NEED_DATA:
            piece = receive()
            if piece is None:
                return status, body, "", False
            reader.receive_data(piece)
        elif isinstance(event, h11.InformationalResponse):
            if event.status_code == 101:
                return 101, b"", "", True
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return status, body, "", True
        else:
            return status, body, "", False


def _ask(connection, method, target, patience):
    """Asks on a connection, and returns the answer as `_answer` does."""
    reader = h11.Connection(h11.CLIENT)
    headers = [("host", "a"), ("x-answer", "1")] + ([("content-length", "0")] if method == "POST" else [])
    connection.sendall(reader.send(h11.Request(method=method, target=target, headers=headers)))
    reader.send(h11.EndOfMessage())
    connection.settimeout(patience)

    def receive():
        try:
            return connection.recv(65536)
        except TimeoutError:
            return None
        except OSError:
            return b""

    return _answer(reader, receive)


def answer(port, server, target, case, patience=PATIENCE):
    """Lets the server answer oddly, and asks for the probe behind it, which may get what was meant for another."""
    server.answer = (case.bytes(), case.ends)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        read = _ask(connection, case.method, target, patience)
        server.answer = None
        is_poisoned = False
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port)) as other:
                _, body, _, _ = _ask(other, "GET", "/r/probe", patience)
                is_poisoned |= body != b"probe" and b"poison" in body
    return outcome.of_answer(*read, is_poisoned)


def answer_to_h11(case):
    """The same, read by h11 as a client."""
    reader = h11.Connection(h11.CLIENT)
    headers = [("host", "a")] + ([("content-length", "0")] if case.method == "POST" else [])
    reader.send(h11.Request(method=case.method, target="/", headers=headers))
    reader.send(h11.EndOfMessage())
    pieces = [case.bytes()] + ([b""] if case.ends else [])
    read = _answer(reader, lambda: pieces.pop(0) if pieces else None)
    return outcome.of_answer(*read, False)
