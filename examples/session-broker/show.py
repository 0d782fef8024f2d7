"""Three media servers behind one address: participants of a room meet at one server, and signalling fills what is left.

Every connection must open, everybody in a room must hear everybody there, and the servers must be evenly full.
"""

import asyncio
import base64
import os

import rig
import websocket

SERVERS = {"media1": 7101, "media2": 7102, "media3": 7103}
CAPACITY = 60
ROOMS, PARTICIPANTS, SIGNALLING = 8, 6, 72


class Participant:
    """A client with an open WebSocket."""

    def __init__(self, room, reader, writer):
        self.room, self.reader, self.writer, self.server = room, reader, writer, None

    @classmethod
    async def join(cls, proxy, path, room=None):
        """Opens a WebSocket through the proxy; its first message names the server."""
        host, port = proxy.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        key = base64.b64encode(os.urandom(16)).decode()
        head = [f"GET {path} HTTP/1.1", f"host: {proxy}", "connection: upgrade", "upgrade: websocket",
                "sec-websocket-version: 13", f"sec-websocket-key: {key}", *([f"x-room: {room}"] if room else [])]
        writer.write("\r\n".join([*head, "", ""]).encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if not answer.startswith("HTTP/1.1 101") or websocket.accepted(key) not in answer:
            raise rig.Failed(f"no WebSocket at {path}: {answer.splitlines()[0]}")
        one = cls(room, reader, writer)
        one.server = await one.hear()
        return one

    async def say(self, words):
        self.writer.write(websocket.frame(words.encode(), masked=True))
        await self.writer.drain()

    async def hear(self):
        _, data = await asyncio.wait_for(websocket.read(self.reader), rig.PATIENCE)
        return data.decode()

    async def leave(self):
        self.writer.write(websocket.frame(b"", websocket.CLOSE, masked=True))
        await asyncio.wait_for(self.reader.read(), rig.PATIENCE)
        self.writer.close()


async def run(example, proxy, gauges):
    rooms = [f"room{number}" for number in range(ROOMS)]
    inside = await asyncio.gather(*(Participant.join(proxy.address, f"/rooms/{room}", room)
                                    for _ in range(PARTICIPANTS) for room in rooms))
    in_rooms = gauges()
    signalling = await asyncio.gather(*(Participant.join(proxy.address, "/signal") for _ in range(SIGNALLING)))
    total = gauges()
    example.table(("server", "capacity", "rooms", "participants", "and signalling", "in all"),
                  [(name, CAPACITY, len({one.room for one in inside if one.server == name}), f"{in_rooms[name]:.0f}",
                    f"{total[name] - in_rooms[name]:.0f}", f"{total[name]:.0f}") for name in SERVERS])
    example.expect(f"all {len(inside) + len(signalling)} connections are open, by the servers' own gauges",
                   sum(total.values()) == len(inside) + len(signalling))
    homes = {room: {one.server for one in inside if one.room == room} for room in rooms}
    example.expect("each room is at one server", all(len(servers) == 1 for servers in homes.values()))
    spread = max(total.values()) - min(total.values())
    example.expect(f"the servers are evenly full, within {spread:.0f} connections", spread <= 2)

    if example.failed:
        raise rig.Failed("without that the rooms can't hear each other")
    for room in rooms:
        await next(one for one in inside if one.room == room).say(f"hello, {room}")
    heard = await asyncio.gather(*(one.hear() for one in inside))
    example.expect("everybody in a room hears what is said there, and nothing else",
                   all(words == f"hello, {one.room}" for one, words in zip(inside, heard, strict=True)))
    await asyncio.sleep(example.seconds)

    await asyncio.gather(*(one.leave() for one in [*inside, *signalling]))
    example.expect("when all have left, the load has gone with them",
                   rig.until("no connections", lambda: not any(gauges().values()))
                   and rig.until("the proxy knows it", lambda: not any(proxy.estimates().values())))


def show(example):
    servers = {}
    for name, port in SERVERS.items():
        configured = f"127.0.0.1:{port}"
        program = example.python(name, "media.py", "--name", name, "--listen", example.listen(configured))
        servers[name] = (configured, program.find(r"listening on http://(\S+)")[0])
    proxy = example.proxy(dict(servers.values()))

    def gauges():
        return {name: rig.gauge(rig.text(f"http://{address}/metrics"), "media_connections")
                for name, (_, address) in servers.items()}

    example.say(f"{ROOMS} rooms with {PARTICIPANTS} participants each, then {SIGNALLING} connections for signalling")
    asyncio.run(run(example, proxy, gauges))
    example.stay(proxy)


rig.main(show, __doc__.split("\n\n", maxsplit=1)[0], 1)
