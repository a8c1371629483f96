"""A pyzmq socket that obeys: one order per line on standard input, one answer per line on
standard output, both JSON. `src/foreign/orders.rs` says what they mean.
"""

import json
import os
import sys

import zmq

PATIENCE = 10_000
LONG = 1_024


def pattern(length):
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def frame_of(word):
    return pattern(word) if isinstance(word, int) else bytes.fromhex(word)


def word_of(frame):
    if LONG < len(frame) and frame == pattern(len(frame)):
        return len(frame)
    return frame.hex()


class Peer:
    def __init__(self):
        self.context = zmq.Context()
        self.socket = None

    def open(self, kind, heartbeat, high_water, identity):
        self.close()
        socket = self.context.socket(getattr(zmq, kind))
        socket.sndtimeo = socket.rcvtimeo = PATIENCE
        socket.linger = 2_000
        socket.reconnect_ivl = 20
        if heartbeat is not None:
            socket.heartbeat_ivl = heartbeat["interval"]
            socket.heartbeat_timeout = heartbeat["timeout"]
            socket.heartbeat_ttl = heartbeat["ttl"]
        if high_water is not None:
            socket.sndhwm = socket.rcvhwm = high_water
        if identity is not None:
            socket.identity = frame_of(identity)
        self.socket = socket

    def close(self):
        if self.socket is not None:
            self.socket.close(linger=0)
            self.socket = None

    def bind(self, at):
        self.socket.bind(at)
        return {"at": self.socket.last_endpoint.decode()}

    def connect(self, at):
        self.socket.connect(at)

    def subscribe(self, prefix):
        if self.socket.type == zmq.XSUB:
            self.socket.send(b"\x01" + frame_of(prefix))
        else:
            self.socket.subscribe(frame_of(prefix))

    def unsubscribe(self, prefix):
        if self.socket.type == zmq.XSUB:
            self.socket.send(b"\x00" + frame_of(prefix))
        else:
            self.socket.unsubscribe(frame_of(prefix))

    def send(self, messages):
        for message in messages:
            self.socket.send_multipart([frame_of(word) for word in message])

    def recv(self, count):
        messages = (self.socket.recv_multipart() for _ in range(count))
        return {"messages": [[word_of(frame) for frame in it] for it in messages]}

    def echo(self, count):
        for _ in range(count):
            self.socket.send_multipart(self.socket.recv_multipart())

    def flood(self, count, head, patience, size):
        head = [frame_of(word) for word in head]
        self.socket.sndtimeo = patience
        sent = 0
        try:
            while sent < count:
                body = sent.to_bytes(8, "big").ljust(size, b"\0")
                self.socket.send_multipart([*head, body])
                sent += 1
        except zmq.Again:
            pass
        self.socket.sndtimeo = PATIENCE
        return {"count": sent}

    def numbers(self, count):
        bodies = (self.socket.recv_multipart()[-1] for _ in range(count))
        return {"numbers": [int.from_bytes(body[:8], "big") for body in bodies]}

    def orders(self):
        """The lines of standard input, until it ends."""
        stdin, text = sys.stdin.fileno(), b""
        while True:
            line, end, rest = text.partition(b"\n")
            if end:
                text = rest
                yield json.loads(line)
                continue
            poller = zmq.Poller()
            poller.register(stdin, zmq.POLLIN)
            if self.socket is not None:
                # So that libzmq can tell new connections its subscriptions, which it does in the
                # thread that uses the socket.
                poller.register(self.socket, zmq.POLLERR)
            if (stdin, zmq.POLLIN) not in poller.poll():
                continue
            read = os.read(stdin, 1 << 20)
            if not read:
                break
            text += read


def main():
    peer = Peer()
    for order in peer.orders():
        try:
            answer = getattr(peer, order.pop("do"))(**order) or {}
        except zmq.ZMQError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    peer.close()
    peer.context.term()


main()
