"""Writes docs/wire-xbahn.md: what original xbahn programs say to each other.

    cargo xtask interop recorded

compares it with what is in the repository. Ids and ports, which differ from run to run, are replaced.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import xbahn.connection
import xbahn.connection.link as links
import xbahn_peer as peer
from xbahn.exceptions import APIError
from xbahn.message import Message

HEAD = """\
# What xbahn says

Recorded from Python's xbahn 1.99.2 by `interop/xbahn_record.py`; `cargo xtask interop` compares it with what xbahn says now,
and the tests of `gleis-rpc` say it to gleis.
One line is one frame: `>` from whoever connected, `<` back to it.
Ids are replaced by letters, widget clients by `CLIENT`, and the port that a client listens at by 7051.
"""

UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Section:
    """One session, in its own numbering."""

    def __init__(self, title, text):
        self.title, self.text, self.lines = title, text, []

    def tap(self, connection, name="req"):
        tap = peer.Tap(connection.url, name, self.lines)
        return tap.at.replace("tcp:", "zmq:") + "/req"

    def written(self):
        ids = {}

        def letter(found):
            id = found.group()
            if id not in ids:
                number = len(ids)
                ids[id] = (chr(64 + number // 26) if 26 <= number else "") + chr(65 + number % 26)
            return ids[id]

        text = re.sub('(?<="client": ")%s' % UUID.pattern, "CLIENT", "\n".join(self.lines))
        # What obtain_client_id answers, and what the ids of widgets begin with.
        text = re.sub('(?<="data": ")%s(?=")' % UUID.pattern, "CLIENT", text)
        text = re.sub("%s(?=[.]widget)" % UUID.pattern, "CLIENT", text)
        text = re.sub("(?<=->zmq://127.0.0.1:)[0-9]+", "7051", UUID.sub(letter, text))
        return "\n## %s\n\n%s\n\n```text\n%s\n```\n" % (self.title, self.text, text)


def client(url, **kwargs):
    connection = xbahn.connection.connect(url)
    link = links.Link()
    link.wire("main", receive=connection, send=connection)
    return peer.Client(link=link, **kwargs)


def attempt(call, *args):
    try:
        call(*args)
    except APIError as error:
        print(error, file=sys.stderr)


def serving(kind, **kwargs):
    connection = peer.listening("zmq://127.0.0.1:0/rep")
    server = peer.SERVERS[kind](link=links.Link(receive=connection, respond=connection), **kwargs)
    connection.server = server
    return connection


def messages():
    section = Section("Messages", "A link answers what comes to `ask`, and nobody answers what comes to other paths.")
    program = peer.Peer()
    program.listen("zmq://127.0.0.1:0/rep", answers=True)
    connection = xbahn.connection.connect(section.tap(program.open[0]))
    link = links.Link(receive=connection, send=connection)
    link.main.send_and_wait("ask", Message("Test", "an arg", something="extra"))
    for path, data in [
        ("person", "John Smith"),
        ("address.usa", {"street": ["Another Street", 123, 1.5, None, True]}),
        ("address", "Stra\u00dfe"),
    ]:
        link.main.send(path, Message(data))
    return section


def calls():
    text = "A client, which asks for its id first. Whatever fails is answered with `error` in `meta`."
    section = Section("Calls", text)
    it = client(section.tap(serving("plain")))
    it.ping()
    it.multiply(7, 6)
    it.multiply(7, b=6)
    it.echo([1, {"two": 2}], "x", key=None)
    for method in ("fail", "hidden", "nothing"):
        attempt(getattr(it, method))
    attempt(it.multiply, 7)
    return section


def keys():
    text = "A server with a key: a client that has it, one that has another, one that has none."
    section = Section("Keys", text)
    at = section.tap(serving("plain", handlers=peer.handlers("open sesame")))
    client(at, handlers=peer.handlers("open sesame")).ping()
    attempt(lambda: client(at, handlers=peer.handlers("open barley")))
    attempt(lambda: client(at))
    return section


def widgets():
    text = (
        "All clients of a server that does not know them are `$`, and share widgets by id.\n"
        "A method that the widget lacks is looked for at the server.\n"
        "At last the server has lost its widgets: the client attaches its own again, and repeats the call."
    )
    section = Section("Widgets", text)
    connection = serving("plain")
    it = client(section.tap(connection))
    widget = peer.ClientDemo(it, "widget_a", num=1)
    widget.get_number()
    widget.set_number(123)
    peer.ClientDemo(it, "widget_a").get_number()
    attempt(widget.nothing)
    connection.server.widgets.clear()
    widget.get_number()
    return section


def two_way():
    text = (
        "`req` is what the client says; with its first call after `obtain_client_id` the server connects\n"
        "to the `remote` of the client, and calls it there (`back`)."
    )
    section = Section("Both ways", text)
    responder = peer.listening("zmq://127.0.0.1:0/rep")
    # The server is told where the tap is, instead of the client.
    at = section.tap(responder, "back")
    meta = {"remote": "connect->%s?transport=tcp" % at}
    connection = xbahn.connection.connect(section.tap(serving("aware")))
    link = links.Link()
    link.wire("main", receive=connection, send=connection, meta=meta)
    link.wire("responder", receive=responder, respond=responder)
    it = peer.Client(link=link)
    it.ping()
    it.touch_all()
    widget = peer.ClientDemo(it, "widget_a")
    widget.poke()
    widget.poked()
    return section


def the_engineer():
    text = "The command `engineer`: `--help`, then the commands below; each begins as the first does, which is left out."
    section = Section("Engineer", text)
    at = section.tap(serving("plain"))
    command = Path(sys.executable).with_name("engineer")
    for args in (["--help"], ["status"], ["do_something", "say hello"], ["show", "--extra"]):
        subprocess.run([command, at, *args], check=True, stdout=subprocess.DEVNULL)
    # Without the client's id and its widget, from the second command on.
    kept, is_first = [], True
    for request, answer in zip(section.lines[::2], section.lines[1::2]):
        is_start = '"obtain_client_id"' in request or '"attach_remote"' in request
        if is_first or not is_start:
            kept += [request, answer]
        is_first = is_first and '"engineer_info"' not in request
    section.lines[:] = kept
    return section


def one_way():
    text = "`push` and `pub`; a topic stands before the message."
    section = Section("Topics", text)
    for kind, other in (("push", "pull"), ("pub", "sub")):
        for topic in ("", "/news"):
            if (kind, topic) == ("pub", ""):
                continue  # A SUB of xbahn without a topic subscribes to nothing.
            connection = peer.listening("zmq://127.0.0.1:0/%s%s" % (kind, topic))
            foreign = peer.zmq.Context.instance().socket(getattr(peer.zmq, other.upper()))
            foreign.rcvtimeo = 50
            if other == "sub":
                foreign.subscribe("news")
            foreign.connect(connection.url)
            link = links.Link(send=connection)
            message = Message("Ping!", 1)
            while True:
                # A publication is lost until the subscription has arrived.
                message.meta.pop("path", None)
                link.main.send("a.b", message)
                try:
                    section.lines.append("%s%s < %s" % (kind, topic, foreign.recv().decode()))
                    break
                except peer.zmq.Again:
                    continue
            connection.destroy()
    return section


if __name__ == "__main__":
    sections = [messages(), calls(), keys(), widgets(), two_way(), the_engineer(), one_way()]
    print(HEAD + "".join(it.written() for it in sections), end="", flush=True)
    # The threads of xbahn's listeners would go on.
    os._exit(0)
