"""A host of a game: allocates matches over HTTP, runs each on a UDP socket of its own, and publishes its players as a gauge.

It stands in for a real one, such as a node with game servers that Agones manages: small, but nothing of it is pretended.
`POST /allocate {"players": 8, "mode": "duel"}` answers with the address of a new match, or with 503 if the host is full.
A match keeps places for its players until all have joined and left (datagrams `join` and `leave`), or until its time is over.
"""

import argparse
import asyncio
import itertools
import json


class Host:
    """The matches of one host."""

    def __init__(self, name, most, match_seconds):
        self.name, self.most, self.match_seconds = name, most, match_seconds
        self.players = self.allocated = self.over = 0
        self._numbers = itertools.count(1)

    async def allocate(self, players):
        """Starts a match, and returns what its players have to know; None if the host is full."""
        if self.players + players > self.most:
            return None
        self.players += players
        self.allocated += 1
        loop = asyncio.get_running_loop()
        _, match = await loop.create_datagram_endpoint(lambda: Match(self, players), local_addr=("127.0.0.1", 0))
        loop.call_later(self.match_seconds, match.end)
        port = match.transport.get_extra_info("sockname")[1]
        return {"match": f"{self.name}-{next(self._numbers)}", "address": f"127.0.0.1:{port}"}

    def ended(self, players):
        """A match has ended."""
        self.players -= players
        self.over += 1

    def metrics(self):
        """Its page for Prometheus, and for whatever else wants to know its load."""
        return (f"# TYPE game_players gauge\ngame_players {self.players}\n"
                f"# TYPE game_players_max gauge\ngame_players_max {self.most}\n"
                f"# TYPE game_matches_allocated_total counter\ngame_matches_allocated_total {self.allocated}\n"
                f"# TYPE game_matches_over_total counter\ngame_matches_over_total {self.over}\n")

    async def serve(self, reader, writer):
        """Answers the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                fields = dict(line.lower().split(":", 1) for line in lines[1:] if ":" in line)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                status, answer = await self.answer(method, path, body)
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(answer)}\r\n\r\n{answer}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, method, path, body):
        """Status and body of an answer."""
        if (method, path) == ("GET", "/metrics"):
            return "200 OK", self.metrics()
        if (method, path) != ("POST", "/allocate"):
            return "404 Not Found", ""
        match = await self.allocate(int(json.loads(body or "{}").get("players", 2)))
        if match is None:
            return "503 Service Unavailable", json.dumps({"error": "full"})
        return "200 OK", json.dumps(match)


class Match(asyncio.DatagramProtocol):
    """One match: players join, talk and leave."""

    def __init__(self, host, players):
        self.host, self.players = host, players
        self.transport, self.joined, self.left, self.is_over = None, set(), set(), False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        if data == b"join" and (addr in self.joined or len(self.joined) < self.players):
            self.joined.add(addr)
            self.transport.sendto(b"welcome", addr)
        elif data == b"leave" and addr in self.joined:
            self.left.add(addr)
            self.transport.sendto(b"bye", addr)
            if len(self.left) == self.players:
                self.end()

    def end(self):
        """Ends the match, once."""
        if not self.is_over:
            self.is_over = True
            self.transport.close()
            self.host.ended(self.players)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--listen", default="127.0.0.1:7001", metavar="IP:PORT", help="port 0 takes any free port")
    parser.add_argument("--players", type=int, default=100, metavar="N", help="the most players at once")
    parser.add_argument("--match-seconds", type=float, default=600, metavar="N", help="the longest that a match lasts")
    options = parser.parse_args()
    host = Host(options.name, options.players, options.match_seconds)
    ip, _, port = options.listen.rpartition(":")
    server = await asyncio.start_server(host.serve, ip, int(port))
    print("{} listening on http://{}:{}".format(options.name, *server.sockets[0].getsockname()))
    await server.serve_forever()


asyncio.run(main())
