"""Answers that readers of HTTP/1.1 are known to differ about, or that RFC 9112 forbids."""

from dataclasses import dataclass

POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


@dataclass(frozen=True)
class Answer:
    """An answer: its name in the table, its text in Latin-1, and whether the connection ends behind it."""
    name: str
    text: str
    ends: bool = False
    method: str = "POST"  # of the request

    def bytes(self):
        """What the server says."""
        return self.text.encode("latin-1")


def _ok(name, headers, body="", ends=False):
    return Answer(name, f"HTTP/1.1 200 OK\r\n{headers}\r\n{body}", ends)


def _chunked(name, chunks):
    return _ok(name, "Transfer-Encoding: chunked\r\n", chunks)


def _line(name, line):
    return Answer(name, f"{line}\r\nContent-Length: 2\r\n\r\nab")


ALL = [
    _ok("content-length", "Content-Length: 2\r\n", "ab"),
    _chunked("chunked", "2\r\nab\r\n0\r\n\r\n"),
    _ok("until the end of the connection", "", "ab", ends=True),
    # Framing.
    _ok("Content-Length twice, the same", "Content-Length: 2\r\nContent-Length: 2\r\n", "ab"),
    _ok("Content-Length twice, 2 and 0", "Content-Length: 2\r\nContent-Length: 0\r\n", "ab"),
    _ok("Content-Length: 2, 2", "Content-Length: 2, 2\r\n", "ab"),
    _ok("Content-Length: +2", "Content-Length: +2\r\n", "ab"),
    _ok("Content-Length: -2", "Content-Length: -2\r\n", "ab"),
    _ok("Content-Length: 2x", "Content-Length: 2x\r\n", "ab"),
    _ok("Content-Length: (nothing)", "Content-Length:\r\n", "ab", ends=True),
    _ok("Content-Length and chunked", "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"),
    _ok("chunked and Content-Length: 2", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\nab\r\n0\r\n\r\n"),
    _ok("Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", "2\r\nab\r\n0\r\n\r\n"),
    _ok("Transfer-Encoding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"),
    _ok("Transfer-Encoding: identity", "Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "ab"),
    _ok("Transfer-Encoding: xchunked", "Transfer-Encoding: xchunked\r\n", "ab", ends=True),
    Answer("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", True),
    _ok("less than Content-Length", "Content-Length: 5\r\n", "ab", ends=True),
    _ok("an answer behind the answer", "Content-Length: 2\r\n", "ab" + POISON),
    # Chunks.
    _chunked("a chunk extension", "2;a=b\r\nab\r\n0\r\n\r\n"),
    _chunked("a chunk extension with a bare LF", "2;a\nb\r\nab\r\n0\r\n\r\n"),
    _chunked("a chunk extension with NUL", "2;a\0\r\nab\r\n0\r\n\r\n"),
    _chunked("a blank behind the size", "2 \r\nab\r\n0\r\n\r\n"),
    _chunked("a blank before the size", " 2\r\nab\r\n0\r\n\r\n"),
    _chunked("the size 0x2", "0x2\r\nab\r\n0\r\n\r\n"),
    _chunked("the size 2 in 17 digits", "00000000000000002\r\nab\r\n0\r\n\r\n"),
    _chunked("the size 2^64 + 2", "10000000000000002\r\nab\r\n0\r\n\r\n"),
    _chunked("a size whose line ends in LF", "2\nab\r\n0\r\n\r\n"),
    _chunked("a chunk that ends in LF", "2\r\nab\n0\r\n\r\n"),
    _chunked("a chunk longer than its size", "1\r\nab\r\n0\r\n\r\n"),
    _chunked("a trailer", "2\r\nab\r\n0\r\nX-T: 1\r\n\r\n"),
    _chunked("a trailer without a colon", "2\r\nab\r\n0\r\nx\r\n\r\n"),
    # Lines.
    Answer("every line ends in LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nab"),
    _ok("a header that ends in LF", "X-A: b\nContent-Length: 2\r\n", "ab"),
    _ok("a folded header", "X-A: b\r\n c\r\nContent-Length: 2\r\n", "ab"),
    _ok("a blank before the colon", "X-A : b\r\nContent-Length: 2\r\n", "ab"),
    _ok("Content-Length with a blank before the colon", "Content-Length : 2\r\n", "ab", ends=True),
    _ok("a header without a colon", "X-A\r\nContent-Length: 2\r\n", "ab"),
    _ok("a bare CR in a value", "X-A: b\rc\r\nContent-Length: 2\r\n", "ab"),
    _ok("NUL in a value", "X-A: b\0c\r\nContent-Length: 2\r\n", "ab"),
    _ok("Latin-1 in a value", "X-A: \xe9\r\nContent-Length: 2\r\n", "ab"),
    Answer("an empty line before the answer", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
    _line("no reason", "HTTP/1.1 200"),
    _line("two blanks before the status", "HTTP/1.1  200 OK"),
    _line("a status of two digits", "HTTP/1.1 20 OK"),
    _line("a status of four digits", "HTTP/1.1 2000 OK"),
    _line("the status 099", "HTTP/1.1 099 OK"),
    _line("the status 600", "HTTP/1.1 600 Odd"),
    _line("HTTP/1.2", "HTTP/1.2 200 OK"),
    _line("HTTP/2.0", "HTTP/2.0 200 OK"),
    _line("http/1.1", "http/1.1 200 OK"),
    _line("no HTTP at all", "ICY 200 OK"),
    # Statuses.
    Answer("100 before the answer", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
    Answer("103 before the answer", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
    Answer("103 with Content-Length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\n"
           "Content-Length: 2\r\n\r\nab"),
    Answer("101 that was not asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    Answer("204", "HTTP/1.1 204 No Content\r\n\r\n"),
    Answer("204 with Content-Length", "HTTP/1.1 204 No Content\r\nContent-Length: 41\r\n\r\n" + POISON),
    Answer("204 in chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
    Answer("304 with Content-Length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
    Answer("HEAD with Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", method="HEAD"),
    Answer("HEAD with a body", "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" + POISON, method="HEAD"),
    Answer("HEAD in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method="HEAD"),
]
