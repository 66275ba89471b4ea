#!/usr/bin/python3
"""Writes protocol/vectors.json from the scenarios in vector_scenarios.py.

Usage: make_vectors.py [--check] FILE

With --check nothing is written: the exit status says whether the file is what would be written.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
import vector_notation as notation
import vector_scenarios as scenarios

# Longer messages have no bytes in the file: their notation says how to make them.
BYTES_MAX = 16384

ABOUT = [
    "Scenarios of Bobbin's protocol (PROTOCOL.md): what a client sends and what comes back.",
    "",
    "Each scenario begins with a daemon of its own that has no apps. `steps` are taken in their order;",
    "each has a `name`. A step with `do` is an action of whoever replays; any other is about the",
    "`connection` of that name, which is opened (to the daemon's socket) when it comes up first:",
    "  request        is sent, then the response with its id is awaited, unless there is no `response`",
    "  with_next      true: it is sent together with the next request of the connection, in one go",
    "  response       of an earlier request (the one with that id) is awaited",
    "  notification   is awaited; those of one connection come in this order",
    "  until          'response': send the request again, until the response is this one",
    "                 'notification': pass over other notifications, until this one comes",
    "  closed         true: the daemon closes the connection",
    "A message has its `bytes` in hexadecimal and the `message` that they stand for, in the notation",
    "below. With `exact` true the daemon sends just these bytes. With `exact` false some of the",
    "message varies: compare it with `message` as a pattern, take `bytes` for an example to decode.",
    "A request whose `exact` is false names a directory: it has to be encoded anew. A message that is",
    "long has no `bytes`.",
    "",
    "Notation: null, true, false, integers, strings (str) and arrays are JSON's own. An object is a map,",
    "unless it has one of these:",
    "  {'$bin': 'HEX'}                  a bin",
    "  {'$fill': 'HEX', 'times': N}     a bin: these bytes, so many times",
    "  {'$array32': [...]}              an array whose header has 5 bytes (0xdd), however short it is",
    "  {'$dir': 'NAME'}                 a str: the path NAME in the directory of the replay (in bytes:",
    "                                   " + notation.ROOT + "/NAME)",
    "  {'$any': TYPE, 'example': X}     any value of that type (nil, bool, int, str, bin, array, map);",
    "                                   with 'contains' a str that has this in it",
    "The texts of errors are for people and may be others in another version; the codes will not.",
    "",
    "Actions:",
    "  app            make the directory `dir` (absolute: see $dir), with `manifest` as its spin.toml",
    "                 if there is one; it is not registered. In a manifest '@LEND@' stands for the",
    "                 elements of a command that hands the connection it inherited to the replayer",
    "  config         start the daemon anew with this `text` as its configuration file",
    "  stop, start    the daemon ends in order and has ended; it is started again, and answers",
    "  ask-to-stop    the daemon gets SIGTERM; nobody waits",
    "  hold, release  another process takes, or gives up, SQLite's exclusive lock of the app's file",
    "                 .spin/sqlite_key_value.db (made if it is not there)",
    "  write          `text` becomes the content of `path` in the app's directory",
    "  sql            another process runs `text` on the app's file, while the daemon has not opened it",
    "  take           the connection that the app process started last has inherited is henceforth",
    "                 `connection`",
    "  log            wait until `component` of the app has written the line `text` to its output,",
    "                 .spin/logs/COMPONENT_stdout.txt",
    "",
    "A scenario whose `origin` is 'runner' has only responses that the daemon does not send: they come",
    "from hosts that hand out handles to stores, such as a runner, when they pass an error on in the",
    "form of this protocol. They are there to be decoded: a client must map each to its own error of",
    "that name.",
]


def message(value):
    packed = notation.pack(notation.encode(value))
    made = {"message": value, "exact": not notation.varies(value)}
    if len(packed) <= BYTES_MAX:
        made["bytes"] = packed.hex()
    return made


def step_of(source):
    step = dict(source)
    for key in ("request", "response", "notification"):
        if key in step:
            step[key] = message(step[key])
    return step


def document():
    made = [dict(s, steps=[step_of(step) for step in s["steps"]]) for s in scenarios.all_scenarios()]
    return {"about": ABOUT, "protocol": 1, "root": notation.ROOT, "scenarios": made}


def lines(doc):
    """JSON with one step a line: a change of one is a change of one line."""

    def text(value):
        return json.dumps(value, ensure_ascii=False)

    yield "{"
    yield '"about": ' + json.dumps(doc["about"], indent=1, ensure_ascii=False) + ","
    yield '"protocol": %d,' % doc["protocol"]
    yield '"root": %s,' % text(doc["root"])
    yield '"scenarios": ['
    for i, scenario in enumerate(doc["scenarios"]):
        head = {key: value for key, value in scenario.items() if key != "steps"}
        yield text(head)[:-1] + ', "steps": ['
        last = len(scenario["steps"]) - 1
        for k, step in enumerate(scenario["steps"]):
            yield " " + text(step) + ("," if k < last else "")
        yield "]}" + ("," if i < len(doc["scenarios"]) - 1 else "")
    yield "]}"


def main():
    check = sys.argv[1] == "--check"
    path = sys.argv[2 if check else 1]
    text = "\n".join(lines(document())) + "\n"
    json.loads(text)
    if check:
        with open(path, encoding="utf-8") as file:
            if file.read() != text:
                sys.exit("%s is not what %s writes: run it" % (path, os.path.basename(__file__)))
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
