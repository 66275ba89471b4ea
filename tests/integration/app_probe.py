"""An app process that tries what it may not: over its connection, and from a child of its own."""
import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from service import Client, Refused


class Inherited(Client):
    def __init__(self, first):
        import itertools

        import msgpack

        self.socket = socket.socket(fileno=int(os.environ["BOBBIN_FD"]))
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        self.ids = itertools.count(first)


TRIES = [["attach", "other"], ["attach", "mine"], ["app.list"], ["app.status", "mine"], ["app.start", "mine"]]
TRIES += [["app.stop", "mine"], ["app.restart", "mine"], ["app.reset", "mine"], ["app.reload", "mine"]]
TRIES += [["app.unregister", "other"], ["app.register", "/tmp"], ["stats"], ["store.backup", "/tmp/x"]]
TRIES += [["get", "vault", "a"], ["set", "vault", "a", b"x"], ["keys", "vault"], ["get", "nowhere", "a"]]


def probe(who, client):
    print("%s own: %r" % (who, client.call("set", "default", "a", b"1")))
    for method, *params in TRIES:
        try:
            print("%s %s: allowed" % (who, method), client.call(method, *params))
        except Refused as refused:
            print("%s %s: %s" % (who, method, refused.code))
    sys.stdout.flush()


first = Inherited(1)
probe("parent", first)
child = os.fork()
if child == 0:
    os.setsid()
    probe("child", Inherited(1000))
    os._exit(0)
os.waitpid(child, 0)

# Passed on to one that has not inherited it, by a message.
here, there = socket.socketpair()
child = os.fork()
if child == 0:
    os.setsid()
    os.close(int(os.environ["BOBBIN_FD"]))
    here.close()
    os.environ["BOBBIN_FD"] = str(socket.recv_fds(there, 1, 1)[1][0])
    probe("passed", Inherited(2000))
    os._exit(0)
socket.send_fds(here, [b"x"], [int(os.environ["BOBBIN_FD"])])
os.waitpid(child, 0)
print("done")
