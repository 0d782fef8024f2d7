"""Idle clients, against servers that answer with fixed bytes."""

import socket
import threading
import unittest

from lib import idlers
from lib.points import CLEAR2, HTTP1

SETTINGS, ACK = idlers._frame(idlers.SETTINGS), idlers._frame(idlers.SETTINGS, idlers.ACK)


def headers(block, flags=idlers.END_HEADERS):
    return idlers._frame(idlers.HEADERS, flags, 1, block)


def answered(protocol, answer):
    """Whether a client counts these bytes as a 200; also what it sent."""
    ours, theirs = socket.socketpair()
    sent = bytearray()
    with ours, theirs:
        def serve():
            sent.extend(theirs.recv(65536))
            theirs.sendall(answer)
            theirs.shutdown(socket.SHUT_WR)
            while more := theirs.recv(65536):
                sent.extend(more)

        server = threading.Thread(target=serve)
        server.start()
        try:
            return idlers.ASK[protocol](ours, "/charge"), sent
        finally:
            ours.shutdown(socket.SHUT_WR)
            server.join()


class Http2(unittest.TestCase):
    def test_a_200_with_a_body_is_an_answer_and_settings_are_acknowledged(self):
        body = idlers._frame(idlers.DATA, idlers.END_STREAM, 1, b"{}")
        found, sent = answered(CLEAR2, SETTINGS + ACK + headers(b"\x88\x01") + body)
        self.assertTrue(found)
        self.assertTrue(sent.startswith(idlers.PREFACE))
        self.assertTrue(sent.endswith(ACK))

    def test_another_status_is_none(self):
        refused = headers(b"\x8d", idlers.END_HEADERS | idlers.END_STREAM)  # 404 in the static table
        self.assertFalse(answered(CLEAR2, SETTINGS + refused)[0])

    def test_an_answer_that_breaks_off_is_an_error(self):
        for answer in (SETTINGS, SETTINGS + headers(b"\x88"), SETTINGS + headers(b"\x88")[:-1]):
            with self.assertRaises(ConnectionError):
                answered(CLEAR2, answer)

    def test_the_head_is_literal_and_whole(self):
        found = idlers._head("/charge")
        self.assertIn(b"\0\x05:path\x07/charge", found)


class Http1(unittest.TestCase):
    def test_only_a_200_counts(self):
        self.assertTrue(answered(HTTP1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")[0])
        self.assertFalse(answered(HTTP1, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")[0])
