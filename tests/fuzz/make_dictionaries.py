"""Words for mutations, a file NAME.dict for fuzz targets that have a language: make_dictionaries.py SOURCES OUT

From the sources themselves, so that a new method, key or setting is in there: methods.h and vectors.json for what is
packed, settings.h and the example manifests for TOML, entry_line.c for lines of JSON, imports.c for modules.
"""
import json
import os
import re
import sys

# Heads of MessagePack: each form, at its ends, and numbers where lengths lie about what follows.
HEADS = [bytes.fromhex(text) for text in (
    "00 7f 80 8f 90 91 94 9f a0 bf c0 c1 c2 c3 c4ff c500ff c6ffffffff c6007fffff c70001 c8000001 c900000001 ca00000000 "
    "cb0000000000000000 ccff cdffff ceffffffff cfffffffffffffffff d080 d18000 d280000000 d38000000000000000 d401 d501 "
    "d601 d701 d801 d9ff daffff dbffffffff dc0001 dcffff dd00000001 ddffffffff de0001 deffff df00000001 dfffffffff"
).split()]
TOML = ["[", "]", "[[", "]]", "=", ".", ",", "{", "}", '"', '"""', "'", "'''", "#", "\n", "true", "false", "inf", "nan",
        "0x7f", "1_000", "1e400", "9223372036854775807", "-9223372036854775808", "1979-05-27T07:32:00Z", "\\u0000", "\\"]
JSON = ["{", "}", "[", "]", ":", ",", '"', "\\u0000", "\\ud800", "null", "true", "1e309", "-0", "9223372036854775808", "\n"]
WASM = [b"\0asm\x01\0\0\0", b"\x60\0\0", b"\x60\x01\x7f\x01\x7f", b"\0\x61\x73\x6d", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x10",
        *(bytes([section, 1, 0]) for section in range(13))]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def quoted(text):
    return re.findall(r'"((?:[^"\\\n]|\\.)+)"', text)


def packed(word):
    bytes_of = word.encode()
    return (bytes([0xA0 | len(bytes_of)]) if len(bytes_of) < 32 else b"\xd9" + bytes([min(len(bytes_of), 255)])) + bytes_of


def strings_in(value):
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from strings_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings_in(part)
    elif isinstance(value, str):
        yield value


def messages(sources):
    words = set(re.findall(r'X\(\w+, "([^"]+)"', read(sources, "protocol/methods.h")))
    words |= set(re.findall(r"[a-z_]{3,}", " ".join(re.findall(r"\{[a-z_, ]+\}", read(sources, "protocol/methods.h")))))
    vectors = json.loads(read(sources, "protocol/vectors.json"))
    words |= {text for text in strings_in(vectors["scenarios"]) if re.fullmatch(r"[a-z][a-z_.-]{1,20}", text)}
    return HEADS + [packed(word) for word in sorted(words)]


def toml(sources, words):
    return [word.encode() for word in dict.fromkeys(TOML + sorted(words))]


def manifest_words(sources):
    words = set()
    apps = os.path.join(sources, "tests/apps")
    for name in sorted(os.listdir(apps)):
        path = os.path.join(apps, name, "spin.toml")
        if os.path.exists(path):
            words |= set(re.findall(r"[\w.-]{2,}", read(path)))
    for name in os.listdir(os.path.join(sources, "daemon")):
        if name.startswith("manifest"):
            words |= {word for word in quoted(read(sources, "daemon", name)) if re.fullmatch(r"[\w.-]+", word)}
    return {word for word in words if len(word) < 40}


def write(out, name, words):
    with open(os.path.join(out, name + ".dict"), "w", encoding="ascii") as file:
        for word in dict.fromkeys(words):
            file.write('"%s"\n' % "".join("\\x%02x" % byte for byte in word))


def main():
    sources, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    packed_words = messages(sources)
    for name in ("scanner", "codec", "dispatch", "client"):
        write(out, name, packed_words)
    settings = read(sources, "daemon/settings.h") + read(sources, "protocol/limits.h")
    config = set(re.findall(r"X\((\w+), \w+, [A-Z]", settings)) | {"max_" + word for word in re.findall(r"X\((\w+), LIMIT", settings)}
    write(out, "config", toml(sources, config | {"error", "debug", "json", "5s", "1h", "8m", "65536"}))
    write(out, "manifest", toml(sources, manifest_words(sources)))
    lines = {word for word in quoted(read(sources, "client/cli/entry_line.c")) if re.fullmatch(r"[a-z_0-9]+", word)}
    write(out, "import", [word.encode() for word in JSON + ['"%s":' % word for word in sorted(lines)]])
    imports = {word for word in quoted(read(sources, "client/runner/imports.c")) if re.fullmatch(r"[\w:/@.-]+", word)}
    write(out, "module", WASM + [bytes([len(word)]) + word.encode() for word in sorted(imports) if len(word) < 128])
    for name in ("commit_log", "redo"):
        write(out, name, [b"BobinLog", b"\0" * 8, b"\xff" * 8, b"\x01\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"])


main()
