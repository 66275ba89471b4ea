"""MessagePack values as JSON, as protocol/vectors.json writes them, and patterns of them."""
import msgpack

# Where the bytes in the file have paths: the directory of an app is ROOT/NAME.
ROOT = "/srv/bobbin"

TYPES = {"nil": type(None), "bool": bool, "int": int, "str": str, "bin": bytes, "array": list, "map": dict}


class Array32(list):
    """An array whose header has five bytes, however short it is."""


def header(count, fix, *longer):
    if count < 16:
        return bytes([fix | count])
    if count < 65536:
        return longer[0] + count.to_bytes(2, "big")
    return longer[1] + count.to_bytes(4, "big")


def pack(value):
    """As msgpack.packb, but for Array32."""
    if isinstance(value, Array32):
        return b"\xdd" + len(value).to_bytes(4, "big") + b"".join(map(pack, value))
    if isinstance(value, (list, tuple)):
        return header(len(value), 0x90, b"\xdc", b"\xdd") + b"".join(map(pack, value))
    if isinstance(value, dict):
        packed = b"".join(pack(key) + pack(item) for key, item in value.items())
        return header(len(value), 0x80, b"\xde", b"\xdf") + packed
    return msgpack.packb(value, use_bin_type=True)


def unpacker():
    return msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=2**28)


def word(value):
    """The word that a JSON object of the notation begins with, or None for a plain map."""
    if isinstance(value, dict):
        for key in value:
            if key.startswith("$"):
                return key
    return None


def encode(value, root=ROOT):
    """The MessagePack value that a value of the notation stands for; of a placeholder its example."""
    kind = word(value)
    if kind == "$bin":
        return bytes.fromhex(value["$bin"])
    if kind == "$fill":
        return bytes.fromhex(value["$fill"]) * value["times"]
    if kind == "$array32":
        return Array32(encode(item, root) for item in value["$array32"])
    if kind == "$dir":
        return root + "/" + value["$dir"]
    if kind == "$any":
        return encode(value["example"], root)
    if kind is not None:
        raise ValueError("not in the notation: " + kind)
    if isinstance(value, dict):
        return {key: encode(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [encode(item, root) for item in value]
    return value


def varies(value):
    """Whether the bytes may be others at another time or place."""
    kind = word(value)
    if kind in ("$dir", "$any"):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(varies(item) for item in items)


def mismatch(pattern, got, root, at="message"):
    """Where and how `got` is not what the pattern says, or None."""
    if word(pattern) == "$any":
        kind = pattern["$any"]
        fits = type(got) is TYPES[kind]
        if fits and "contains" in pattern and pattern["contains"] not in got:
            fits = False
        return None if fits else "%s: %r is not %s" % (at, got, pattern)
    if word(pattern) == "$array32":
        pattern = pattern["$array32"]
    if isinstance(pattern, list):
        if not isinstance(got, list) or len(got) != len(pattern):
            return "%s: %r is not an array of %d" % (at, got, len(pattern))
        pairs = enumerate(pattern)
    elif isinstance(pattern, dict) and word(pattern) is None:
        if not isinstance(got, dict) or set(got) != set(pattern):
            return "%s: %r has not the keys %s" % (at, got, sorted(pattern))
        pairs = pattern.items()
    else:
        want = encode(pattern, root)
        same = type(got) is type(want) and got == want
        return None if same else "%s: %r, expected %r" % (at, got, want)
    for key, item in pairs:
        found = mismatch(item, got[key], root, "%s[%r]" % (at, key))
        if found:
            return found
    return None
