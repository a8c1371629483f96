"""The Python of xbahn, as a client and as a server of calls.

client URL    calls ping, multiply and nothing, and prints what comes back
server URL    exposes ping, multiply and fail, prints where, and serves until its input ends
"""

import signal
import sys

import zmq
from xbahn import api
from xbahn.connection import connect, listen
from xbahn.connection.link import Link


class Server(api.Server):
    @api.expose
    def ping(self):
        return "pong!"

    @api.expose
    def multiply(self, a, b):
        return a * b

    @api.expose
    def fail(self):
        raise ValueError("Abandon ship!")


def client(url):
    connection = connect(url)
    it = api.Client(link=Link(send=connection, receive=connection))
    print(it.ping())
    print(it.multiply(7, 6))
    print(it.multiply(7, b=6))
    for call in (it.nothing, it.fail):
        try:
            call()
        except api.APIError as error:
            print(error)


def server(url):
    connection = listen(url)
    it = Server(link=Link(receive=connection, respond=connection))
    print(connection.socket.getsockopt(zmq.LAST_ENDPOINT).decode().strip("\0"), flush=True)
    sys.stdin.read()
    del it
    connection.destroy()


if __name__ == "__main__":
    # Nobody waits for one that hangs.
    signal.alarm(30)
    {"client": client, "server": server}[sys.argv[1]](sys.argv[2])
