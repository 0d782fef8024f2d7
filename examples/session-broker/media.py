"""A media server: rooms, in which each participant hears what the others say, and signalling; all over WebSockets.

It stands in for a real one: it passes on text in place of sound and pictures, but connections, rooms and the gauge are real.
"""

import argparse
import asyncio
import collections

import websocket


class Media:
    """The rooms of one server."""

    def __init__(self, name):
        self.name, self.connections, self.rooms = name, 0, collections.defaultdict(set)

    async def serve(self, reader, writer):
        """Answers one connection: a page, or a WebSocket until it ends."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1]
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                if path == "/metrics":
                    page = f"# TYPE media_connections gauge\nmedia_connections {self.connections}\n"
                    writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(page)}\r\n\r\n{page}".encode())
                    await writer.drain()
                elif "sec-websocket-key" in fields:
                    writer.write(("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                                  f"sec-websocket-accept: {websocket.accepted(fields['sec-websocket-key'])}\r\n\r\n").encode())
                    await self.take_part(path, reader, writer)
                    return
                else:
                    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def take_part(self, path, reader, writer):
        """Greets, and passes on what comes to all of the room; outside of a room, to the sender."""
        room = self.rooms[path] if path.startswith("/rooms/") else {writer}
        room.add(writer)
        self.connections += 1
        try:
            writer.write(websocket.frame(self.name.encode()))
            while True:
                opcode, data = await websocket.read(reader)
                if opcode == websocket.CLOSE:
                    writer.write(websocket.frame(data, websocket.CLOSE))
                    return
                for other in room:
                    other.write(websocket.frame(data))
        finally:
            self.connections -= 1
            room.discard(writer)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--listen", default="127.0.0.1:7101", metavar="IP:PORT", help="port 0 takes any free port")
    options = parser.parse_args()
    ip, _, port = options.listen.rpartition(":")
    server = await asyncio.start_server(Media(options.name).serve, ip, int(port))
    print("{} listening on http://{}:{}".format(options.name, *server.sockets[0].getsockname()))
    await server.serve_forever()


asyncio.run(main())
