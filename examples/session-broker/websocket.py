"""As much of WebSockets (RFC 6455) as a small server and a small client need: text in one frame."""

import base64
import hashlib
import os
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 1, 8


def accepted(key):
    """What a server answers to a client's key."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def frame(data, opcode=TEXT, masked=False):
    """A frame; those of clients are masked."""
    length = len(data)
    head = bytes([0x80 | opcode])
    mark = 0x80 if masked else 0
    head += bytes([mark | length]) if length < 126 else bytes([mark | 126]) + struct.pack(">H", length)
    if not masked:
        return head + data
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


async def read(reader):
    """The next frame: its opcode and its data."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length, = struct.unpack(">H", await reader.readexactly(2))
    mask = await reader.readexactly(4) if second & 0x80 else None
    data = await reader.readexactly(length)
    if mask:
        data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    return first & 0x0F, data
