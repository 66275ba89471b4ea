"""Messages that nobody should send, made from those of protocol/vectors.json."""
import json
import random
import struct

from vector_notation import encode, pack

# They name files, and are sent as they are: the daemon may be root's.
NAMES_FILES = {"store.backup", "store.restore", "app.register", "app.unregister"}
# Headers that announce what will never come, or could not be held.
HEADERS = [
    b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdd\x01\xff\xff\xff", b"\xdf\x00\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
    b"\xdb\x7f\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\xdc\xff\xff", b"\xde\xff\xff", b"\xc6\x01\xff\xff\x00", b"\x94" * 40,
    b"\x9f" * 40, b"\xdd\x00\x00\x00\x04" * 20,
]
SET = b"\x94\x00\x07\xa3set\x93\xa7default\xa3big"


class Hostile:
    def __init__(self, vectors, root, seed):
        self.random = random.Random(seed)
        self.plain, self.fixed = [], []
        with open(vectors) as file:
            scenarios = json.load(file)["scenarios"]
        for scenario in scenarios:
            for step in scenario["steps"]:
                request = step.get("request")
                if request:
                    self.take(request, root)

    def take(self, request, root):
        message = request.get("message")
        names = isinstance(message, list) and len(message) > 2 and message[2] in NAMES_FILES
        if names:
            self.fixed.append(pack(encode(message, root)))
        elif "bytes" in request and not any(name.encode() in bytes.fromhex(request["bytes"]) for name in NAMES_FILES):
            self.plain.append(bytes.fromhex(request["bytes"]))

    def mutate(self, message):
        r = self.random
        message = bytearray(message)
        for _ in range(r.choice((0, 1, 1, 2, 5))):
            if not message:
                break
            at = r.randrange(len(message))
            kind = r.randrange(7)
            if kind == 0:
                message[at] = r.randrange(256)
            elif kind == 1:
                message[at] ^= 1 << r.randrange(8)
            elif kind == 2:
                del message[at:at + r.randrange(1, 8)]
            elif kind == 3:
                message[at:at] = bytes(r.randrange(256) for _ in range(r.randrange(1, 5)))
            elif kind == 4:
                message[at:at] = r.choice(HEADERS)
            elif kind == 5:
                message[at:] = r.choice(self.plain)[at:]
            else:
                message[at:at + 4] = struct.pack(">I", r.choice((0, 1, 2**31, 2**32 - 1, 2**25)))
        return bytes(message)

    def message(self):
        r = self.random
        chance = r.random()
        if chance < 0.04:
            return r.choice(self.fixed)
        if chance < 0.10:
            return r.choice(HEADERS)
        if chance < 0.12:
            size = r.choice((100000, 1 << 20, 3 << 20))
            return SET + b"\xc6" + struct.pack(">I", size) + bytes(r.randrange(size + 1))
        message = r.choice(self.plain)
        return message if r.random() < 0.5 else self.mutate(message)
