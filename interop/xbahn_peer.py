"""Original xbahn programs that obey: one order per line on standard input, one answer per line on
standard output, both JSON. `src/xbahn.rs` gives the orders.

An answer is an object; what xbahn raised is its `error`. Programs come from xbahn's own examples.
"""

import json
import os
import sys
import threading
import time

import xbahn.api as api
import xbahn.connection
import xbahn.connection.link as links
import xbahn.connection.zmq
import xbahn.engineer as engineer
import xbahn.shortcuts as shortcuts
import zmq
from xbahn.message import Message


# How long an order may take, in seconds.
PATIENCE = 10


class Methods:
    @api.expose
    def ping(self):
        return "pong!"

    @api.expose
    def multiply(self, a, b):
        return int(a) * int(b)

    @api.expose
    def echo(self, *args, **kwargs):
        return [list(args), kwargs]

    @api.expose
    def fail(self):
        raise ValueError("Abandon ship!")

    def hidden(self):
        return "never"


class Plain(Methods, api.Server):
    # Registries are of a class and its heirs.
    class widget(api.Server.widget):
        widgets = {}


class Aware(Methods, api.WidgetAwareServer):
    class widget(api.WidgetAwareServer.widget):
        widgets = {}

    @api.expose
    def touch_all(self):
        self.clients.touch("all")


class Client(api.Client):
    touched = None

    @api.expose
    def touch(self, what):
        self.touched = what
        return True


@Plain.widget("demo")
class Demo(api.Widget):
    def setup(self):
        self.num = self.init_kwargs.get("num", 0)

    @api.expose
    def set_number(self, num):
        self.num = num

    @api.expose
    def get_number(self):
        return self.num


@Aware.widget("demo")
class AwareDemo(Demo):
    is_poked = False

    @api.expose
    def poked(self):
        return self.is_poked

    @api.expose
    def poke(self):
        self.is_poked = True
        self.slap()


@Client.widget("demo")
class ClientDemo(api.Widget):
    is_slapped = False

    @api.expose
    def slapped(self):
        return self.is_slapped

    @api.expose
    def slap(self):
        self.is_slapped = True


@Plain.widget("engineer")
class Engineer(engineer.ServerWidget):
    @engineer.expose()
    def status(self):
        return "ok"

    @engineer.argument("what")
    @engineer.expose()
    # As Python before 3.13 gives it: with its indentation.
    @engineer.doc("\n        Do the task specified in [WHAT]\n        ")
    def do_something(self, what):
        return "did %s" % what

    @engineer.option("--extra/--no-extra", default=False, help="include extra info")
    @engineer.expose()
    def show(self, extra=False):
        return ["Basic", "Extra!!"] if extra else ["Basic"]


SERVERS = {"plain": Plain, "aware": Aware}


def handlers(key):
    return [api.AuthHandler(key)] if key else []


def listening(url):
    """A listener at any free port, which its URL then names."""
    connection = xbahn.connection.listen(url)
    connection.url = connection.socket.last_endpoint.decode()
    return connection


def place(connection):
    """Where others connect to it."""
    return connection.remote.partition("->")[2].partition("?")[0]


class Peer:
    """What a scenario has opened."""

    def __init__(self):
        self.open = []
        self.link = self.client = self.server = None
        self.widgets = {}
        self.heard = []

    def listening(self, url):
        self.open.append(listening(url))
        return self.open[-1]

    def connected(self, url):
        self.open.append(xbahn.connection.connect(url))
        return self.open[-1]

    def close(self):
        for connection in self.open:
            connection.destroy()
        self.__init__()

    def serve(self, kind, key=None):
        connection = self.listening("zmq://127.0.0.1:0/rep")
        link = links.Link(receive=connection, respond=connection)
        self.server = SERVERS[kind](link=link, handlers=handlers(key))
        return {"at": place(connection)}

    def attach(self, at, key=None, two_way=False):
        """A client of the server at `at`."""
        connection, meta = self.connected(at), {}
        link = links.Link()
        if two_way:
            responder = self.listening("zmq://127.0.0.1:0/rep")
            meta = {"remote": responder.remote}
        link.wire("main", receive=connection, send=connection, meta=meta)
        if two_way:
            link.wire("responder", receive=responder, respond=responder)
        self.client = Client(link=link, handlers=handlers(key))
        return {"data": self.client.id}

    def call(self, method, args=(), kwargs=None):
        return {"data": getattr(self.client, method)(*args, **(kwargs or {}))}

    def touched(self):
        return {"data": self.client.touched}

    def clients(self):
        """Calls each client of the server."""
        return {"data": [it.touch("one") for it in self.server.clients.items.values()]}

    def widget(self, id, kwargs=None):
        self.widgets[id] = ClientDemo(self.client, id, **(kwargs or {}))

    def widget_call(self, id, method, args=()):
        return {"data": getattr(self.widgets[id], method)(*args)}

    def listen(self, url, answers=False):
        """A link that writes down its events; `answers` has it answer what comes to the path `ask`."""
        connection = self.listening(url)
        self.link = links.Link(receive=connection, respond=connection)
        for event in ("receive", "receive_address", "receive_address.usa", "receive_person"):
            self.link.on(event, self.writer(event))
        if answers:
            self.link.on("receive_ask", self.answer)
        return {"at": place(connection)}

    def writer(self, event):
        def write(message=None, wire=None, event_origin=None):
            what = [list(message.args), message.kwargs]
            self.heard.append([event, message.path, message.data, *what])

        return write

    def answer(self, message=None, wire=None, event_origin=None):
        wire.respond(message, Message("Message '%s' received!" % message.data))

    def connect(self, url):
        connection = self.connected(url)
        self.link = links.Link(receive=connection, send=connection)
        self.link.on("receive", self.writer("receive"))

    def send(self, path, data, args=(), kwargs=None):
        self.link.main.send(path, Message(data, *args, **(kwargs or {})))

    def ask(self, path, data, args=(), kwargs=None):
        message = Message(data, *args, **(kwargs or {}))
        return {"data": self.link.main.send_and_wait(path, message).data}

    def events(self, count):
        """The events so far, once they are that many."""
        end = time.monotonic() + PATIENCE
        while len(self.heard) < count:
            if end < time.monotonic():
                raise TimeoutError("heard only %s" % self.heard)
            time.sleep(0.002)
        return {"data": self.heard}


class Tap(threading.Thread):
    """Passes on what a REQ and a REP say to each other, and writes it down."""

    def __init__(self, to, name, lines):
        super().__init__(daemon=True)
        self.front, self.back = (zmq.Context.instance().socket(it) for it in (zmq.ROUTER, zmq.DEALER))
        self.front.bind("tcp://127.0.0.1:0")
        self.back.connect(to)
        self.at = self.front.last_endpoint.decode()
        self.name, self.lines = name, lines
        self.start()

    def run(self):
        poller = zmq.Poller()
        poller.register(self.front, zmq.POLLIN)
        poller.register(self.back, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                frames = socket.recv_multipart()
                is_request = socket is self.front
                mark = self.name + (" > " if is_request else " < ")
                self.lines.append(mark + frames[-1].decode())
                (self.back if is_request else self.front).send_multipart(frames)


def main():
    peer = Peer()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(peer, order.pop("do"))(**order) or {}
        except Exception as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    # The threads of xbahn's listeners would go on.
    os._exit(0)


if __name__ == "__main__":
    main()
