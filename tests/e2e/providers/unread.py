"""Whether the peer of a loopback connection has read what was sent to it (Linux).

The kernel is asked over netlink (sock_diag(7)) for the peer's own socket: its
receive queue is what nobody has read yet. That is how a stream is torn for
sure, without guessing at a pause between two pieces.
"""

from __future__ import annotations

import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
ALL_STATES = 0xFFFFFFFF
NO_COOKIE = struct.pack("=II", 0xFFFFFFFF, 0xFFFFFFFF)
HEADER = struct.Struct("=IHHII")
RQUEUE_AT = HEADER.size + 4 + 48 + 4
"""Offset of `idiag_rqueue`: after the header, four bytes of state, the socket's id and a timer."""


class Kernel:
    """A netlink socket to ask with."""

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)

    def unread(self, reader: tuple[str, int], writer: tuple[str, int]) -> int:
        """Bytes that wait in the socket of `reader` for being read; 0 when it is gone."""
        sockid = struct.pack(">HH", reader[1], writer[1]) + _ip(reader) + _ip(writer)
        sockid += struct.pack("=I", 0) + NO_COOKIE
        wanted = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, ALL_STATES) + sockid
        header = HEADER.pack(HEADER.size + len(wanted), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
        self._netlink.send(header + wanted)
        answer = self._netlink.recv(4096)
        if HEADER.unpack_from(answer)[1] == NLMSG_ERROR:
            return 0
        return struct.unpack_from("=I", answer, RQUEUE_AT)[0]

    def close(self) -> None:
        self._netlink.close()


def _ip(address: tuple[str, int]) -> bytes:
    return socket.inet_aton(address[0]) + bytes(12)
