"""osBrain doing one kind of work so many times: `osbrain_peer.py WORK N` prints how many seconds that
took, or, of memory, how many bytes it holds.
"""

import os
import signal
import sys
import tempfile
import time

FOLDER = tempfile.TemporaryDirectory(prefix="gleis-osbrain-")
# osBrain makes a folder there when it is imported.
os.environ["XDG_RUNTIME_DIR"] = FOLDER.name

from osbrain import Agent, run_agent, run_nameserver

# How long the work may take, in seconds: less than whoever runs this waits, who would leave agents behind.
PATIENCE = 120


class Counter(Agent):
    def on_init(self):
        self.count = 0

    def answer(self, question):
        return question + 1

    def pid(self):
        return os.getpid()

    def push(self, n):
        for _ in range(n):
            self.send("main", b"x" * 64)

    def on_message(self, _message):
        self.count += 1

    def counted(self):
        return self.count


def start(n):
    begun = time.perf_counter()
    agents = [run_agent(f"agent-{at}", base=Counter) for at in range(n)]
    return time.perf_counter() - begun, agents


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return next(int(it.split()[1]) for it in lines if it.startswith("Rss:")) << 10


def memory(n):
    return sum(resident(it.pid()) for it in start(n)[1])


def call(n):
    counter = run_agent("counter", base=Counter)
    counter.answer(0)
    begun = time.perf_counter()
    for question in range(n):
        counter.answer(question)
    return time.perf_counter() - begun


def push(n):
    # JSON and pickle are slower.
    sender, receiver = (run_agent(it, base=Counter, serializer="raw") for it in ("from", "to"))
    address = sender.bind("PUSH", alias="main", serializer="raw")
    receiver.connect(address, handler="on_message")
    begun = time.perf_counter()
    sender.push(n)
    while receiver.counted() < n:
        # What is asked meanwhile is work that does not count.
        time.sleep(0.01)
    return time.perf_counter() - begun


def too_long(_signal, _frame):
    raise TimeoutError(f"no end within {PATIENCE} s")


def main():
    work, n = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(PATIENCE)
    server = run_nameserver()
    try:
        done = {"start": lambda n: start(n)[0], "memory": memory, "call": call, "push": push}[work](n)
        print(f"{float(done):.9f}", flush=True)
    finally:
        server.shutdown()


main()
