"""HTTP clients, against a server that answers with fixed bytes."""

import socket
import threading
import unittest

from lib import clients, counted
from lib.processes import BenchError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"


def answered(*pieces):
    """The status and body of an answer that comes in these pieces, with the next answer behind it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        def serve():
            theirs.recv(65536)
            for piece in pieces:
                theirs.sendall(piece)
            theirs.shutdown(socket.SHUT_WR)

        server = threading.Thread(target=serve)
        server.start()
        try:
            return clients._exchange(ours, clients.request("/charge"))
        finally:
            server.join()


class Answers(unittest.TestCase):
    def test_an_answer_is_as_long_as_it_says(self):
        self.assertEqual(answered(OK), (200, b"12345"))
        self.assertEqual(answered(OK[:10], OK[10:-2], OK[-2:]), (200, b"12345"))
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        self.assertEqual(answered(chunked)[0], 200)

    def test_an_answer_without_a_length_or_an_end_is_refused(self):
        for wrong in (b"HTTP/1.1 200 OK\r\n\r\n", OK[:-1], OK[:10]):
            with self.assertRaises(ConnectionError):
                answered(wrong)


    def test_the_length_of_an_answer_is_read_from_its_head(self):
        head = OK[:-5]
        self.assertEqual(counted.length(OK + b"HTTP"), len(OK))
        self.assertIsNone(counted.length(head[:-2]))
        with self.assertRaises(BenchError):
            counted.length(b"HTTP/1.1 200 OK\r\n\r\n")


class Server:
    """Answers every request on every connection with a status, and counts."""

    def __init__(self, answer):
        self._answer, self._listener = answer, socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections, self.requests, self._lock = 0, 0, threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            while connection.recv(65536):
                with self._lock:
                    self.requests += 1
                connection.sendall(self._answer)


class Send(unittest.TestCase):
    def test_exactly_so_many_requests_are_sent_over_so_many_connections(self):
        for connections, requests in ((1, 7), (3, 10), (4, 4)):
            with Server(OK) as server:
                counted.send(server.port, connections, requests, "/charge")
                self.assertEqual((server.connections, server.requests), (connections, requests))

    def test_an_answer_other_than_200_is_an_error(self):
        with Server(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") as server:
            with self.assertRaisesRegex(BenchError, "503"):
                counted.send(server.port, 1, 2, "/charge")
