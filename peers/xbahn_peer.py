"""xbahn calling itself so many times from another process: `xbahn_peer.py N` prints how many seconds that took."""

import os
import signal
import sys
import time

import xbahn.api as api
import xbahn.connection
import xbahn.connection.link as links
import xbahn.connection.zmq

# How long the work may take, in seconds: less than whoever runs this waits.
PATIENCE = 120


class Server(api.Server):
    @api.expose
    def echo(self, it):
        return it


def serve(ready):
    connection = xbahn.connection.listen("zmq://127.0.0.1:0/rep")
    # Any free port, which its URL then names.
    connection.url = connection.socket.last_endpoint.decode()
    server = Server(link=links.Link(receive=connection, respond=connection))
    at = connection.remote.partition("->")[2].partition("?")[0]
    os.write(ready, at.encode())
    os.close(ready)
    while server:
        signal.pause()


def call(at, n):
    connection = xbahn.connection.connect(at)
    link = links.Link()
    link.wire("main", receive=connection, send=connection)
    client = api.Client(link=link)
    client.echo(0)
    begun = time.perf_counter()
    for it in range(n):
        client.echo(it)
    return time.perf_counter() - begun


def main():
    (told, ready), n = os.pipe(), int(sys.argv[1])
    signal.alarm(PATIENCE)
    server = os.fork()
    if server == 0:
        # It has an end, too, if nobody ends it.
        signal.alarm(PATIENCE)
        os.close(told)
        serve(ready)
    os.close(ready)
    try:
        print(f"{call(os.read(told, 1_000).decode(), n):.9f}", flush=True)
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
    # Its threads would wait for messages.
    os._exit(0)


main()
