"""Original osBrain agents that obey: one order per line on standard input, one answer per line on
standard output, both JSON. `src/osbrain.rs` gives the orders.

An answer is an object; what osBrain raised is its `error`.
"""

import ctypes
import json
import os
import signal
import sys
import tempfile
import time

FOLDER = tempfile.TemporaryDirectory(prefix="gleis-osbrain-")
# osBrain makes a folder there when it is imported.
os.environ["XDG_RUNTIME_DIR"] = FOLDER.name

from osbrain import Agent, AgentAddress, run_agent, run_nameserver
from osbrain.address import AgentChannel

# How long an order may take, in seconds.
PATIENCE = 10
# Of Linux' prctl(2).
PR_SET_PDEATHSIG = 1


class Witness(Agent):
    """Writes down what it receives, and answers it."""

    def on_init(self):
        self.received = []

    def on_message(self, message, topic=""):
        topic = topic.decode("latin-1") if isinstance(topic, bytes) else topic
        self.received.append([text_of(message), topic])

    def on_request(self, request):
        self.received.append([text_of(request), ""])
        return b"echo " + bytes(request) if is_raw(request) else {"echo": request}

    def heard(self):
        return self.received


def is_raw(message):
    return isinstance(message, (bytes, memoryview))


def text_of(message):
    """Raw messages as the text that they are in these scenarios."""
    return bytes(message).decode() if is_raw(message) else message


def on_message(agent, message):
    agent.on_message(message)


def on_topic(agent, message, topic):
    agent.on_message(message, topic)


def on_request(agent, request):
    return agent.on_request(request)


def on_error(agent):
    agent.received.append(["no answer", ""])


def handler_of(kind, topics):
    if kind in ("SUB", "SYNC_SUB"):
        return {topic: on_topic for topic in topics}
    return {"PULL": on_message, "REP": on_request, "ASYNC_REQ": on_message}.get(kind)


class Peer:
    """One agent, of a name server that lasts."""

    def __init__(self):
        self.names = run_nameserver()
        self.agent = None

    def open(self, serializer):
        self.agent = run_agent("witness", transport="tcp", serializer=serializer, base=Witness)
        self.serializer = serializer

    def close(self):
        if self.agent is not None:
            self.agent = None
            self.names.shutdown_agents(3)

    def bind(self, kind, topics=()):
        address = self.agent.bind(kind, alias="it", handler=handler_of(kind, topics))
        return {"at": "tcp://%s" % address.address}

    def connect(self, kind, at, topics=()):
        twin = AgentAddress("tcp", at.replace("tcp://", ""), kind, "client", self.serializer).twin()
        self.agent.connect(twin, alias="it", handler=handler_of(kind, topics))

    def bind_channel(self):
        """A SYNC_PUB: where it publishes, where it takes requests, what its topics begin with."""
        channel = self.agent.bind("SYNC_PUB", alias="it", handler=on_request)
        places = {"at": "tcp://%s" % channel.sender.address, "asked": "tcp://%s" % channel.receiver.address}
        return {**places, "uuid": channel.uuid.decode()}

    def connect_channel(self, kind, asked, at=None, topics=()):
        """To a channel that is not osBrain's: SYNC_PUB publishes at `at`, and is asked at `asked`."""
        server = lambda kind, at: AgentAddress("tcp", at.replace("tcp://", ""), kind, "server", self.serializer)
        receiver = server("PULL_SYNC_PUB" if kind == "SYNC_PUB" else "PULL", asked)
        sender = at and server("PUB", at)
        channel = AgentChannel(kind, receiver=receiver, sender=sender)
        self.agent.connect(channel, alias="it", handler=handler_of(channel.twin().kind, topics))
        return {"uuid": channel.uuid.decode()}

    def message(self, text):
        return text.encode() if self.serializer == "raw" else text

    def send(self, message, topic=None):
        self.agent.send("it", self.message(message), topic=topic)

    def request(self, message):
        """Asks at a channel; the answer is received."""
        self.agent.send("it", self.message(message), handler=on_message, wait=0.2, on_error=on_error)

    def ask(self, message):
        return {"data": text_of(self.agent.send_recv("it", self.message(message)))}

    def received(self, count):
        """What was received so far, once it is that much."""
        end = time.monotonic() + PATIENCE
        while True:
            received = self.agent.unsafe.heard()
            if count <= len(received):
                return {"data": received}
            if end < time.monotonic():
                raise TimeoutError("received only %s" % received)
            time.sleep(0.005)


def main():
    # What osBrain prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    peer = Peer()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(peer, order.pop("do"))(**order) or {}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), file=answers, flush=True)
    peer.agent = None
    peer.names.shutdown()


if __name__ == "__main__":
    # Name server and agents are processes that would outlive this one if it were killed.
    libc = ctypes.CDLL(None)
    os.register_at_fork(after_in_child=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    # Who started it ends it by ending its input, and nobody else.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
