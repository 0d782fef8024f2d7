"""Requests that readers of HTTP/1.1 are known to differ about, or that RFC 9112 forbids.

`{T}` stands for the target and `{H}` for a Host line. Each is followed by a probe on the same connection: what becomes of it
shows where a proxy believes that the request has ended.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """A request: its name in the table, and its text in Latin-1."""
    name: str
    text: str
    is_charge: bool = True  # whether it can be one: a POST with a body of JSON or none

    def bytes(self, target):
        """What is sent to the reader whose requests go to this target."""
        return self.text.replace("{T}", target).replace("{H}", "Host: a\r\n").encode("latin-1")


def _post(name, headers, body="", is_charge=True):
    return Request(name, f"POST {{T}} HTTP/1.1\r\n{{H}}{headers}\r\n{body}", is_charge)


def _chunked(name, chunks, headers=""):
    return _post(name, f"Transfer-Encoding: chunked\r\n{headers}", chunks)


def _line(name, line):
    return Request(name, f"{line}\r\n{{H}}\r\n", False)


SMUGGLED = "GET /r/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

PLAIN = [
    _post("content-length", "Content-Length: 2\r\n", "{}"),
    _chunked("chunked", "2\r\n{}\r\n0\r\n\r\n"),
    _post("no body", ""),
    Request("HTTP/1.0 with keep-alive", "POST {T} HTTP/1.0\r\n{H}Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"),
    Request("an empty line before the request", "\r\nPOST {T} HTTP/1.1\r\n{H}Content-Length: 2\r\n\r\n{}"),
]

FRAMING = [
    _post("Content-Length twice, the same", "Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
    _post("Content-Length twice, 0 and 2", "Content-Length: 0\r\nContent-Length: 2\r\n", "{}"),
    _post("Content-Length: 2, 2", "Content-Length: 2, 2\r\n", "{}"),
    _post("Content-Length: +2", "Content-Length: +2\r\n", "{}"),
    _post("Content-Length: -2", "Content-Length: -2\r\n", "{}"),
    _post("Content-Length: 0x2", "Content-Length: 0x2\r\n", "{}"),
    _post("Content-Length: 2 0", "Content-Length: 2 0\r\n", "{}"),
    _post("Content-Length: (nothing)", "Content-Length:\r\n", "{}"),
    _post("Content-Length: 002", "Content-Length: 002\r\n", "{}"),
    _post("Content-Length with a vertical tab", "Content-Length:\x0b2\r\n", "{}"),
    _post("Content-Length: 2^64 + 2", "Content-Length: 18446744073709551618\r\n", "{}"),
    _post("Content-Length and chunked", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    _post("chunked and Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + SMUGGLED),
    _post("Content_Length (underscore)", "Content_Length: 2\r\n", ""),
    Request("chunked in HTTP/1.0",
            "POST {T} HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n"),
    _post("Transfer-Encoding: xchunked", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: identity", "Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "{}"),
    _post("Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: chunked, then identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
          "0\r\n\r\n"),
    _post("Transfer-Encoding: \"chunked\" (quoted)", "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: chunked; a=b", "Transfer-Encoding: chunked; a=b\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: CHUNKED", "Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: , chunked", "Transfer-Encoding: , chunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding with a vertical tab", "Transfer-Encoding:\x0bchunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding: (nothing)", "Transfer-Encoding:\r\nContent-Length: 2\r\n", "{}"),
    _post("Transfer-Encoding : chunked (blank before the colon)", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
    _post("Transfer-Encoding folded", "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
]

CHUNKS = [
    _chunked("a chunk extension", "2;a=b\r\n{}\r\n0\r\n\r\n"),
    _chunked("a chunk extension, quoted", "2;a=\"b;c\"\r\n{}\r\n0\r\n\r\n"),
    _chunked("a chunk extension with a bare LF", "2;a\nb\r\n{}\r\n0\r\n\r\n"),
    _chunked("a chunk extension with a bare CR", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
    _chunked("a chunk extension with NUL", "2;a\0b\r\n{}\r\n0\r\n\r\n"),
    _chunked("a blank behind the size", "2 \r\n{}\r\n0\r\n\r\n"),
    _chunked("a tab behind the size", "2\t\r\n{}\r\n0\r\n\r\n"),
    _chunked("a blank before the size", " 2\r\n{}\r\n0\r\n\r\n"),
    _chunked("the size 0x2", "0x2\r\n{}\r\n0\r\n\r\n"),
    _chunked("the size +2", "+2\r\n{}\r\n0\r\n\r\n"),
    _chunked("the size -1", "-1\r\n{}\r\n0\r\n\r\n"),
    _chunked("the size 2_", "2_\r\n{}\r\n0\r\n\r\n"),
    _chunked("no size", "\r\n{}\r\n0\r\n\r\n"),
    _chunked("the size 2 in 17 digits", "00000000000000002\r\n{}\r\n0\r\n\r\n"),
    _chunked("the size 2^64 + 2", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
    _chunked("a size whose line ends in LF", "2\n{}\r\n0\r\n\r\n"),
    _chunked("a chunk that ends in LF", "2\r\n{}\n0\r\n\r\n"),
    _chunked("a chunk that ends in CR", "2\r\n{}\r0\r\n\r\n"),
    _chunked("a chunk longer than its size", "1\r\n{}\r\n0\r\n\r\n"),
    _chunked("the last line ends in LF", "2\r\n{}\r\n0\r\n\n"),
    _chunked("the size 00", "2\r\n{}\r\n00\r\n\r\n"),
    _chunked("a trailer", "2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n"),
    _chunked("Content-Length as a trailer", "2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n"),
    _chunked("a trailer without a colon", "2\r\n{}\r\n0\r\nx\r\n\r\n"),
    _chunked("a trailer with a blank before the colon", "2\r\n{}\r\n0\r\nx : y\r\n\r\n"),
    _chunked("a folded trailer", "2\r\n{}\r\n0\r\nx: y\r\n z\r\n\r\n"),
]

LINES = [
    Request("every line ends in LF", "POST {T} HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}"),
    _post("a header that ends in LF", "X-A: b\nContent-Length: 2\r\n", "{}"),
    Request("the head ends in LF LF", "POST {T} HTTP/1.1\r\n{H}Content-Length: 2\r\n\n{}"),
    Request("the head ends in LF CR LF", "POST {T} HTTP/1.1\r\n{H}Content-Length: 2\n\r\n{}"),
    _post("a bare CR in a value", "X-A: b\rContent-Length: 0\r\nContent-Length: 2\r\n", "{}"),
    _post("NUL in a value", "X-A: b\0c\r\nContent-Length: 2\r\n", "{}"),
    _post("a control character in a value", "X-A: b\x01c\r\nContent-Length: 2\r\n", "{}"),
    _post("DEL in a value", "X-A: b\x7fc\r\nContent-Length: 2\r\n", "{}"),
    _post("Latin-1 in a value", "X-A: \xe9\r\nContent-Length: 2\r\n", "{}"),
    _post("a folded header", "X-A: b\r\n c\r\nContent-Length: 2\r\n", "{}"),
    Request("the first header begins with a blank", "POST {T} HTTP/1.1\r\n X-A: b\r\n{H}Content-Length: 2\r\n\r\n{}"),
    _post("a blank before the colon", "X-A : b\r\nContent-Length: 2\r\n", "{}"),
    _post("a tab before the colon", "X-A\t: b\r\nContent-Length: 2\r\n", "{}"),
    _post("Content-Length with a blank before the colon", "Content-Length : 2\r\n", "{}"),
    _post("a header without a colon", "X-A\r\nContent-Length: 2\r\n", "{}"),
    _post("a header without a name", ": b\r\nContent-Length: 2\r\n", "{}"),
    _post("a blank in a name", "X A: b\r\nContent-Length: 2\r\n", "{}"),
    _post("a quote in a name", "X\"A: b\r\nContent-Length: 2\r\n", "{}"),
    _post("Latin-1 in a name", "X\xe9: b\r\nContent-Length: 2\r\n", "{}"),
    _post("NUL in a name", "X\0A: b\r\nContent-Length: 2\r\n", "{}"),
    _post("every character of a token in a name", "!#$%&'*+-.^_`|~1: b\r\nContent-Length: 2\r\n", "{}"),
    _post("X_Forwarded_For (underscore)", "X_Forwarded_For: 10.9.8.7\r\nContent-Length: 2\r\n", "{}"),
    _post("no blank behind the colon", "X-A:b\r\nContent-Length:2\r\n", "{}"),
    _post("an empty value", "X-A:\r\nContent-Length: 2\r\n", "{}"),
    Request("no Host", "POST {T} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"),
    _post("Host twice", "Host: b\r\nContent-Length: 2\r\n", "{}"),
    Request("an empty Host", "POST {T} HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\n{}"),
    Request("Host: a, b", "POST {T} HTTP/1.1\r\nHost: a, b\r\nContent-Length: 2\r\n\r\n{}"),
    Request("Host: u@a", "POST {T} HTTP/1.1\r\nHost: u@a\r\nContent-Length: 2\r\n\r\n{}"),
    Request("Host: a/b", "POST {T} HTTP/1.1\r\nHost: a/b\r\nContent-Length: 2\r\n\r\n{}"),
    Request("Host: a:99999", "POST {T} HTTP/1.1\r\nHost: a:99999\r\nContent-Length: 2\r\n\r\n{}"),
    Request("a URL as the target", "POST http://a{T} HTTP/1.1\r\n{H}Content-Length: 2\r\n\r\n{}"),
    Request("a URL of another host", "POST http://b{T} HTTP/1.1\r\n{H}Content-Length: 2\r\n\r\n{}"),
    _post("Connection: close, Content-Length", "Connection: close, Content-Length\r\nContent-Length: 2\r\n", "{}"),
    _post("Connection: Host", "Connection: keep-alive, Host\r\nContent-Length: 2\r\n", "{}"),
    _post("Connection: X-A", "Connection: X-A\r\nX-A: b\r\nContent-Length: 2\r\n", "{}"),
    _post("Expect: 100-continue", "Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"),
    _post("Expect: something else", "Expect: 200-ok\r\nContent-Length: 2\r\n", "{}"),
    _post("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
          "Content-Length: 2\r\n", "{}"),
]

TARGETS = [
    _line("two blanks before the target", "GET  {T} HTTP/1.1"),
    _line("two blanks before the version", "GET {T}  HTTP/1.1"),
    _line("a tab before the version", "GET {T}\tHTTP/1.1"),
    _line("a blank behind the version", "GET {T} HTTP/1.1 "),
    _line("a blank in the target", "GET {T} a HTTP/1.1"),
    _line("a blank before the method", " GET {T} HTTP/1.1"),
    _line("a fragment in the target", "GET {T}#a HTTP/1.1"),
    _line("NUL in the target", "GET {T}\0 HTTP/1.1"),
    _line("Latin-1 in the target", "GET {T}\xe9 HTTP/1.1"),
    _line("a quote in the target", "GET {T}\" HTTP/1.1"),
    _line("a bare CR in the line", "GET {T}\r HTTP/1.1"),
    _line("a target without a slash", "GET r HTTP/1.1"),
    _line("the target *", "GET * HTTP/1.1"),
    _line("a segment ..", "GET /r/../x HTTP/1.1"),
    _line("a segment %2e%2e", "GET /r/%2e%2e/x HTTP/1.1"),
    _line("a broken escape", "GET {T}%zz HTTP/1.1"),
    _line("two slashes", "GET //r/x HTTP/1.1"),
    _line("HTTP/1.2", "GET {T} HTTP/1.2"),
    _line("HTTP/0.9 as a version", "GET {T} HTTP/0.9"),
    _line("HTTP/2.0", "GET {T} HTTP/2.0"),
    _line("HTTP/1.10", "GET {T} HTTP/1.10"),
    _line("http/1.1", "GET {T} http/1.1"),
    _line("HTTP/01.1", "GET {T} HTTP/01.1"),
    _line("no version", "GET {T}"),
    _line("a method in small letters", "get {T} HTTP/1.1"),
    _line("an unknown method", "PURGE {T} HTTP/1.1"),
    _line("a quote in the method", "GE\"T {T} HTTP/1.1"),
    _line("CONNECT", "CONNECT a:80 HTTP/1.1"),
    _line("TRACE", "TRACE {T} HTTP/1.1"),
    Request("GET with a body", "GET {T} HTTP/1.1\r\n{H}Content-Length: 2\r\n\r\n{}", False),
    Request("HEAD with a body", "HEAD {T} HTTP/1.1\r\n{H}Content-Length: 2\r\n\r\n{}", False),
    Request("GET in chunks", "GET {T} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", False),
]

ALL = [*PLAIN, *FRAMING, *CHUNKS, *LINES, *TARGETS]
