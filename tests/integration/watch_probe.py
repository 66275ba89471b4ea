"""An app process that watches the stores of its arguments and prints what it is told."""
import itertools
import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import msgpack
from service import Client


class Watcher(Client):
    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ["BOBBIN_FD"]))
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        self.ids = itertools.count(1)


watcher = Watcher()
for store in sys.argv[1:]:
    print("watching %s: %d" % (store, watcher.call("watch", store)))
sys.stdout.flush()
while True:
    watcher.unpacker.feed(watcher.socket.recv(65536) or sys.exit())
    for message in watcher.unpacker:
        print(message[1], *message[2], flush=True)
