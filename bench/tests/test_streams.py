"""Answers that stream, against small servers."""

import socket
import threading
import unittest
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

from lib import clients, streams
from lib.load import Load


@contextmanager
def server(answer):
    """The port of a server; `answer(connection)` serves each connection, until it returns or the client leaves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection):
            with connection:
                try:
                    answer(connection)
                except ConnectionError:
                    pass

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def head(connection):
    """Reads up to the end of a head; returns all that came."""
    came = b""
    while b"\r\n\r\n" not in came:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("it left")
        came += more
    return came


class Sockets(unittest.TestCase):
    def opened(self, *answer):
        def serve(connection):
            head(connection)
            connection.sendall(answer[0])
            connection.recv(100)
            for more in answer[1:]:
                connection.sendall(more)
            connection.recv(100)

        with server(serve) as port, streams.sockets(port, 3):
            return True

    def test_each_is_open_once_its_message_has_come_back(self):
        accepted = b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: " + streams.ACCEPTED + b"\r\n\r\n"
        self.assertTrue(self.opened(accepted, streams.BACK[:1], streams.BACK[1:]))
        for answer in [(accepted.replace(b"101", b"200"), streams.BACK), (accepted.replace(b"s3p", b"x3p"), streams.BACK),
                       (accepted, b"no echo")]:
            with self.assertRaises(ConnectionError):
                self.opened(*answer)


class FirstByte(unittest.TestCase):
    ANSWER = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

    def test_it_counts_until_the_first_byte_and_reads_the_rest(self):
        def serve(connection):
            while True:
                head(connection)
                connection.sendall(self.ANSWER)
                connection.sendall(b"2\r\nhi\r\n")
                connection.sendall(b"0\r\n\r\n")

        with server(serve) as port, clients.connect(port) as connection:
            for _ in range(3):
                self.assertLess(clients.first_byte(connection, clients.request("/", b"")), 5)

    def test_what_is_no_answer_is_a_failure(self):
        def serve(connection):
            head(connection)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

        with server(serve) as port, clients.connect(port) as connection, self.assertRaisesRegex(ConnectionError, "404"):
            clients.first_byte(connection, clients.request("/", b""))


class Requests(unittest.TestCase):
    def test_a_chat_is_as_large_as_asked(self):
        self.assertEqual(len(clients.chat(200, 215)), 215 * 1024)
        self.assertIn(b'"max_tokens": 200', clients.chat(200))

    def test_requests_are_those_that_the_servers_made_whole(self):
        pages = iter(["1000", "40", "3000", "2040"])
        page = lambda port, path: f'{streams.TOKENS}{{engine="0"}} {next(pages)}\n'
        with mock.patch.object(clients, "page", page):
            load = streams.counted(SimpleNamespace(ports=[1, 2]), 200, lambda: Load(7, 2.0, 1, 1, 1, 1, {}))
        self.assertEqual((load.requests, load.rate), (20, 10.0))


if __name__ == "__main__":
    unittest.main()
