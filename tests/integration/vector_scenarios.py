"""The scenarios of protocol/vectors.json, as a person would tell them. make_vectors.py writes them out."""

MANIFEST = """\
spin_manifest_version = 2
[application]
name = "counter"
[component.web]
key_value_stores = ["default"]
[component.web.tool.bobbin]
command = [@LEND@]
[component.jobs]
key_value_stores = ["queue"]
[component.jobs.tool.bobbin]
command = ["/bin/sleep", "1000"]
"""

STUBBORN = """\
spin_manifest_version = 2
[application]
name = "stubborn"
[component.web.tool.bobbin]
command = ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]
stop_timeout = "1s"
"""

LIMITS = {
    "message": 33554432,
    "result": 134217728,
    "response": 135266304,
    "depth": 16,
    "method": 64,
    "key": 2048,
    "value": 16777216,
    "label": 256,
    "name": 128,
    "page_default": 1000,
    "page": 10000,
    "page_bytes": 4194304,
    "many": 10000,
    "atomic": 1000,
    "ttl_ms": 315360000000,
    "watches": 64,
    "watch_keys": 256,
    "log_changes": 65536,
    "log_bytes": 8388608,
    "inflight": 1024,
    "inflight_bytes": 67108864,
    "unread_bytes": 16777216,
    "app_connections": 2000,
    "connections": 10000,
    "apps": 10000,
    "quota_bytes": 0,
    "quota_entries": 0,
}


def bin_of(text):
    return {"$bin": text.encode().hex()}


def number(value):
    return {"$bin": value.to_bytes(8, "little", signed=True).hex()}


def page(items, cursor=None):
    """A result of keys or entries: its length is not known before its last element."""
    return [{"$array32": items}, None if cursor is None else bin_of(cursor)]


def any_of(kind, example, **more):
    return dict({"$any": kind, "example": example}, **more)


def numbers(**examples):
    return {name: any_of("int", example) for name, example in examples.items()}


def text_with(part, example=None):
    return any_of("str", example or part, contains=part)


def path(name):
    return {"$dir": name}


def session(app=None, component=None, stores=(), **limits):
    return {
        "server": "bobbind",
        "version": any_of("str", "0.1.0"),
        "protocol": 1,
        "app": app,
        "component": component,
        "durability": "full" if app else None,
        "limits": dict(LIMITS, **limits),
        "stores": list(stores),
    }


def status_of(component, state, pid=None, exit_signal=None):
    return {
        "id": component,
        "instance": 1,
        "state": state,
        "reason": any_of("str", ""),
        "since": any_of("int", 1700000000000),
        "pid": any_of("int", 4711) if pid else None,
        "exit_code": None,
        "exit_signal": exit_signal,
        "last_exit": {None: None, 9: "killed by SIGKILL", 15: "killed by SIGTERM"}[exit_signal],
        "restarts": 0,
        "dropped": 0,
        "memory": any_of("int", 1310720) if pid else None,
        "cpu_ms": any_of("int", 12) if pid else None,
    }


def app_status(name, wanted, components):
    told = {"name": name, "directory": path(name), "wanted": wanted, "durability": "full"}
    told.update(numbers(connections=0, rate=0, store_bytes=0))
    return dict(told, components=components)


class Scenario:
    def __init__(self, name, about, **more):
        self.made = dict({"name": name, "about": about}, **more)
        self.made["steps"] = self.steps = []
        self.last_id = 0

    def do(self, action, name, **more):
        self.steps.append(dict({"name": name, "do": action}, **more))

    def send(self, name, method, *params, on="a", **more):
        """A request whose response is awaited later; returns its id."""
        self.last_id += 1
        step = {"name": name, "connection": on, "request": [0, self.last_id, method, list(params)]}
        self.steps.append(dict(step, **more))
        return self.last_id

    def ask(self, name, result, method, *params, on="a", **more):
        self.send(name, method, *params, on=on, **more)
        self.steps[-1]["response"] = [1, self.last_id, None, result]

    def refused(self, name, code, text, method, *params, on="a", **more):
        self.send(name, method, *params, on=on, **more)
        self.steps[-1]["response"] = [1, self.last_id, [code, text], None]

    def answered(self, name, id, error, result, on="a"):
        self.steps.append({"name": name, "connection": on, "response": [1, id, error, result]})

    def told(self, name, *params, method="changed", on="a", **more):
        step = {"name": name, "connection": on, "notification": [2, method, list(params)]}
        self.steps.append(dict(step, **more))

    def attached(self, name="app", on="a", register=True, **limits):
        """An app without a manifest, and a connection that is bound to it."""
        if register:
            self.do("app", "an app without a manifest", dir=name)
            self.ask("register it", app_status(name, "stopped", []), "app.register", path(name), on=on)
        self.ask("attach", session(name, None, ["default"], **limits), "attach", name, on=on)


def session_scenario():
    s = Scenario("session", "What needs no app, and how a connection gets one.")
    s.ask("hello before anything else", session(), "hello", {"client": "vectors", "protocol": 1})
    s.ask("hello without a word", session(), "hello")
    s.refused(
        "another protocol",
        "invalid-request",
        "hello: this daemon speaks protocol 1 only",
        "hello",
        {"protocol": 2},
    )
    s.ask("ping", "pong", "ping")
    s.refused("no such method", "unknown-method", "unknown method 'flush'", "flush")
    s.refused(
        "not attached", "invalid-request", "get: not attached to an app", "get", "default", "a"
    )
    s.refused("no such app", "no-such-app", "no app 'nothing' is registered", "attach", "nothing")
    s.attached()
    s.ask("hello once attached", session("app", None, ["default"]), "hello")
    s.ask("attach again, by directory", session("app", None, ["default"]), "attach", path("app"))
    return s


def entries_scenario():
    s = Scenario("entries", "get, set, delete, exists, ttl, and commit numbers.")
    s.attached()
    s.ask("nothing is there", None, "get", "default", "greeting")
    s.ask("nor with a commit number", [None, 0], "get", "default", "greeting", {"commit": True})
    s.ask("set", None, "set", "default", "greeting", bin_of("hello"))
    s.ask("get", bin_of("hello"), "get", "default", "greeting")
    s.ask("get with its commit", [bin_of("hello"), 1], "get", "default", "greeting", {"commit": True})
    s.ask("exists", True, "exists", "default", "greeting")
    s.ask("it stays", -1, "ttl", "default", "greeting")
    s.ask(
        "set for an hour",
        [None, 2],
        "set",
        "default",
        "greeting",
        bin_of("hi"),
        {"ttl_ms": 3600000, "commit": True},
    )
    s.ask("what is left", any_of("int", 3599990), "ttl", "default", "greeting")
    s.ask("options that are nil", None, "set", "default", "greeting", bin_of("hi"), {"ttl_ms": None})
    s.ask("which makes it stay", [-1, 3], "ttl", "default", "greeting", {"commit": True})
    s.ask("set for a moment", None, "set", "default", "brief", bin_of("x"), {"ttl_ms": 1})
    s.ask("soon gone", None, "get", "default", "brief", until="response")
    s.ask("no time is left of what is not there", None, "ttl", "default", "brief")
    s.ask("delete", None, "delete", "default", "greeting")
    s.ask("delete what is not there", None, "delete", "default", "greeting", None)
    s.ask("it is gone", False, "exists", "default", "greeting")
    s.ask("an empty key and value", None, "set", "default", "", bin_of(""))
    s.ask("which are there", bin_of(""), "get", "default", "")
    s.ask("a str as value is taken", None, "set", "default", "k\u00fc\U0001f4be", "text")
    s.ask("and comes back as a bin", bin_of("text"), "get", "default", "k\u00fc\U0001f4be")
    return s


def listing_scenario():
    s = Scenario("listing", "keys, entries, count and the methods of many entries.")
    s.attached()
    users = [["user/ada", bin_of("1")], ["user/bob", bin_of("3")], ["user/eve", bin_of("7")]]
    s.ask("set_many", [None, 1], "set_many", "default", users + [["z", bin_of("z")]], {"commit": True})
    s.ask("all keys", page(["user/ada", "user/bob", "user/eve", "z"]), "keys", "default")
    two = {"prefix": "user/", "limit": 2}
    s.ask("a page", page(["user/ada", "user/bob"], "user/bob"), "keys", "default", two)
    s.ask(
        "the last page",
        page(["user/eve"]),
        "keys",
        "default",
        dict(two, cursor=bin_of("user/bob")),
    )
    s.ask(
        "in reverse, with values",
        page([users[2], users[1]], "user/bob"),
        "entries",
        "default",
        dict(two, reverse=True),
    )
    s.ask(
        "the last page in reverse",
        [page([users[0]]), 1],
        "entries",
        "default",
        dict(two, reverse=True, cursor=bin_of("user/bob"), commit=True),
    )
    s.ask(
        "with what is left to live",
        page([users[2] + [-1]]),
        "entries",
        "default",
        {"prefix": "user/", "cursor": bin_of("user/bob"), "ttl": True},
    )
    s.ask("count", [4, 29], "count", "default")
    s.ask("count with commit", [[4, 29], 1], "count", "default", {"commit": True})
    s.ask(
        "get_many, in the order asked",
        [bin_of("7"), None, bin_of("1"), bin_of("7")],
        "get_many",
        "default",
        ["user/eve", "nobody", "user/ada", "user/eve"],
    )
    s.ask("delete_many", None, "delete_many", "default", ["user/ada", "nobody", "z"])
    s.ask("what is left", page(["user/bob", "user/eve"]), "keys", "default")
    s.ask("set_many of nothing", [None, 2], "set_many", "default", [], {"commit": True})
    return s


def atomic_scenario():
    s = Scenario("atomic", "increment, swap and atomic, and how they fail.")
    s.attached()
    s.ask("from nothing", 5, "increment", "default", "visits", 5)
    s.ask("down", [-2, 2], "increment", "default", "visits", -7, {"commit": True})
    s.ask("as it is stored", number(-2), "get", "default", "visits")
    s.ask("a text", None, "set", "default", "text", bin_of("hello"))
    s.refused(
        "which is no number", "wrong-type", any_of("str", "not 8 bytes"), "increment", "default", "text", 1
    )
    s.refused(
        "too far down",
        "invalid-request",
        text_with("increment overflows"),
        "increment",
        "default",
        "visits",
        -(2**63),
    )
    s.ask("swap what is not there", [True, None], "swap", "default", "leader", None, bin_of("node-1"))
    s.ask(
        "somebody was faster",
        [False, bin_of("node-1")],
        "swap",
        "default",
        "leader",
        None,
        bin_of("node-2"),
    )
    s.ask(
        "swap by value",
        [[True, None], 5],
        "swap",
        "default",
        "leader",
        bin_of("node-1"),
        bin_of("node-2"),
        {"ttl_ms": 3600000, "commit": True},
    )
    s.ask(
        "all checks hold",
        [[True, None], 6],
        "atomic",
        "default",
        [["leader", bin_of("node-2")], ["lock", None], ["text", {"since": 3}]],
        [
            ["set", "lock", bin_of("x"), {"ttl_ms": 3600000}],
            ["increment", "visits", 10],
            ["delete", "text"],
            ["set", "text", bin_of("again")],
        ],
        {"commit": True},
    )
    s.ask("the sum", number(8), "get", "default", "visits")
    s.ask(
        "one does not",
        [False, 1],
        "atomic",
        "default",
        [["text", bin_of("again")], ["lock", None]],
        [["delete", "text"]],
    )
    s.ask(
        "it was changed since",
        [[False, 0], 6],
        "atomic",
        "default",
        [["text", {"since": 5}]],
        [["delete", "text"]],
        {"commit": True},
    )
    s.refused(
        "one operation fails, and so all do",
        "wrong-type",
        any_of("str", "not 8 bytes"),
        "atomic",
        "default",
        [],
        [["delete", "leader"], ["increment", "text", 1]],
    )
    s.ask("nothing has changed", True, "exists", "default", "leader")
    s.refused(
        "a commit that is yet to come",
        "invalid-request",
        any_of("str", "since 99 is over the latest commit, 6"),
        "atomic",
        "default",
        [["text", {"since": 99}]],
        [],
    )
    return s


def params_scenario():
    s = Scenario("params", "Requests that are wrong leave the connection as it was.")
    s.attached()
    bad = "invalid-request"
    for name, code, text, *call in [
        ("too few params", bad, "get takes [store, key, {commit}?], not 1 params", "get", "default"),
        ("a store that is a number", bad, "get: store must be a string", "get", 1, "a"),
        ("an empty label", bad, "get: a store's label has 1 to 256 bytes, not 0", "get", "", "a"),
        ("a key that is a number", bad, "get: key must be a string", "get", "default", 1),
        ("a value that is a number", bad, "set: value must be bytes", "set", "default", "a", 1),
        ("options that are no map", bad, "keys: options must be a map", "keys", "default", 1),
        (
            "an option that is not there",
            bad,
            "get: unknown option 'ttl_ms'",
            "get",
            "default",
            "a",
            {"ttl_ms": 1},
        ),
        (
            "no time to live",
            bad,
            "set: option 'ttl_ms' must be an integer from 1 to 315360000000",
            "set",
            "default",
            "a",
            bin_of("x"),
            {"ttl_ms": 0},
        ),
        (
            "a commit that is no bool",
            bad,
            "get: option 'commit' must be true or false",
            "get",
            "default",
            "a",
            {"commit": 1},
        ),
        (
            "half an entry",
            bad,
            "set_many: entry 1: must be [key, value]",
            "set_many",
            "default",
            [["a", bin_of("x")], ["b"]],
        ),
        (
            "a delta that is a text",
            bad,
            "increment: delta must be an integer from -2^63 to 2^63-1",
            "increment",
            "default",
            "a",
            "1",
        ),
        (
            "a check of another kind",
            bad,
            'atomic: check 0: a map must be {"since": commit number}',
            "atomic",
            "default",
            [["a", {"until": 1}]],
            [],
        ),
        (
            "an operation of another kind",
            bad,
            'atomic: operation 0: must be ["set", key, value, {ttl_ms}?], ["delete", key] or '
            '["increment", key, delta]',
            "atomic",
            "default",
            [],
            [["append", "a", bin_of("x")]],
        ),
        (
            "a key that is too long",
            "too-large",
            "set: key of 2049 bytes exceeds limit of 2048 bytes",
            "set",
            "default",
            "k" * 2049,
            bin_of("x"),
        ),
        (
            "one among many",
            "too-large",
            "set_many: entry 0: key of 2049 bytes exceeds limit of 2048 bytes",
            "set_many",
            "default",
            [["k" * 2049, bin_of("x")]],
        ),
        (
            "a value that is too long",
            "too-large",
            "set: value of 16777217 bytes exceeds limit of 16777216 bytes",
            "set",
            "default",
            "a",
            {"$fill": "78", "times": 16777217},
        ),
        ("no such store", "no-such-store", "no such store 'cache'", "get", "cache", "a"),
    ]:
        s.refused(name, code, text, *call)
    s.ask("the connection goes on", None, "get", "default", "a")
    return s


def malformed_scenario():
    s = Scenario("malformed", "What cannot be understood ends its connection, and no other.")
    s.ask("a connection that stays", "pong", "ping", on="other")
    too_large = "message exceeds limit of 33554432 bytes"
    for name, sent, id, error in [
        ("a byte that MessagePack does not use", "c1", None, None),
        ("a method that is a number", "9400101190", 16, ["invalid-request", "request: method is not a string"]),
        ("a bin that is too large", "940005a470696e67c602000001", 5, ["too-large", too_large]),
        ("an array that is too large", "940005a470696e67ddffffffff", 5, ["too-large", too_large]),
        ("a response", "940105c0c0", None, None),
    ]:
        step = {"name": name, "connection": name, "request_bytes": sent, "closed": True}
        if error:
            step["response"] = [1, id, error, None]
        s.steps.append(step)
    s.ask("which still works", "pong", "ping", on="other")
    return s


def watch_scenario():
    s = Scenario("watch", "Notifications, and going on where a watch ended.")
    s.attached()
    s.ask("attach another", session("app", None, ["default"]), "attach", "app", on="w")
    s.ask("watch a prefix, with values", 1, "watch", "default", {"prefix": "user/", "values": True}, on="w")
    s.ask("a change", None, "set", "default", "user/ada", bin_of("1"))
    s.told("it is told", 1, 1, "user/ada", "set", bin_of("1"), on="w")
    s.ask("another key", None, "set", "default", "other", bin_of("1"))
    s.ask(
        "several at once",
        [True, None],
        "atomic",
        "default",
        [],
        [["set", "user/bob", bin_of("2")], ["delete", "user/ada"], ["increment", "user/n", 1]],
    )
    s.told("the first", 1, 3, "user/bob", "set", bin_of("2"), on="w")
    s.told("the second", 1, 3, "user/ada", "delete", None, on="w")
    s.told("the third", 1, 3, "user/n", "set", number(1), on="w")
    s.ask("one that expires", None, "set", "default", "user/brief", bin_of("x"), {"ttl_ms": 1})
    s.told("set", 1, 4, "user/brief", "set", bin_of("x"), on="w")
    s.told("and gone", 1, 5, "user/brief", "expire", None, on="w")
    s.ask("unwatch", True, "unwatch", 1, on="w")
    s.ask("there is none any more", False, "unwatch", 1, on="w")
    s.ask("go on behind commit 2", 2, "watch", "default", {"keys": ["user/ada", "user/bob"], "since": 2}, on="w")
    s.told("bob was set", 2, 3, "user/bob", "set", None, on="w")
    s.told("ada was deleted", 2, 3, "user/ada", "delete", None, on="w")
    s.ask("watch one key", 3, "watch", "default", {"key": "other"}, on="w")
    s.ask("and the whole store", 4, "watch", "default", on="w")
    s.ask("a last change", None, "delete", "default", "other")
    s.told("told to the first", 3, 6, "other", "delete", None, on="w")
    s.told("and to the second", 4, 6, "other", "delete", None, on="w")
    s.refused(
        "of a commit that is yet to come",
        "invalid-request",
        any_of("str", "watch: since 99 is over the latest commit, 6"),
        "watch",
        "default",
        {"since": 99},
        on="w",
    )
    return s


def overflow_scenario():
    s = Scenario("overflow", "A watcher that does not read is told that its watch has ended.")
    s.attached()
    s.ask("attach another", session("app", None, ["default"]), "attach", "app", on="w")
    s.ask("watch with values", 1, "watch", "default", {"values": True}, on="w")
    large = {"$fill": "78", "times": 4194304}
    for i in range(16):
        s.ask("4 MiB, change %d" % (i + 1), None, "set", "default", "large", large)
    commit = any_of("int", 5)
    s.told("the watch has ended", 1, commit, method="overflow", on="w", until="notification")
    s.ask("there is none any more", False, "unwatch", 1, on="w")
    return s


def log_scenario():
    s = Scenario("log", "When Spin has written the file meanwhile, the log begins anew.")
    s.attached()
    s.ask("commit 1", [None, 1], "set", "default", "a", bin_of("1"), {"commit": True})
    s.ask("commit 2", [None, 2], "set", "default", "a", bin_of("2"), {"commit": True})
    s.do("stop", "the daemon ends")
    s.do("sql", "somebody else writes", app="app", text="UPDATE spin_key_value SET value = x'33'")
    s.do("start", "the daemon begins")
    s.attached(on="b", register=False)
    s.ask("what was written is there", bin_of("3"), "get", "default", "a", on="b")
    s.refused(
        "unchanged since commit 2?",
        "stale",
        any_of("str", "atomic: check 0: the log of changes does not reach back to commit 2"),
        "atomic",
        "default",
        [["a", {"since": 2}]],
        [["delete", "a"]],
        on="b",
    )
    s.refused(
        "changes since commit 1?",
        "compacted",
        any_of("str", "watch: the log of changes does not reach back to commit 1"),
        "watch",
        "default",
        {"since": 1},
        on="b",
    )
    return s


def backup_scenario():
    s = Scenario("backup", "store.backup and stats.")
    s.attached()
    s.ask("an entry", None, "set", "default", "a", bin_of("1"))
    copied = {"bytes": any_of("int", 16384), "pages": any_of("int", 4), "commit": 1}
    s.ask("backup", copied, "store.backup", path("copy.db"))
    s.refused(
        "something is there already",
        "invalid-request",
        any_of("str", "cannot create '/srv/bobbin/copy.db': it exists"),
        "store.backup",
        path("copy.db"),
    )
    s.refused(
        "not an absolute path",
        "invalid-request",
        any_of("str", "store.backup: the path must be absolute"),
        "store.backup",
        "copy.db",
    )
    s.ask("a change that the copy has not", None, "set", "default", "b", bin_of("2"))
    restored = {"bytes": any_of("int", 16384), "pages": any_of("int", 4), "commit": 3}
    s.ask("restore", restored, "store.restore", path("copy.db"), {"keep": True})
    s.ask("what the copy has", [bin_of("1"), None], "get_many", "default", ["a", "b"])
    s.refused(
        "nothing to restore",
        "invalid-request",
        any_of("str", "cannot read '/srv/bobbin/nothing.db': No such file or directory"),
        "store.restore",
        path("nothing.db"),
    )
    s.refused(
        "not an absolute path to restore",
        "invalid-request",
        any_of("str", "store.restore: source 'copy.db' is not an absolute path"),
        "store.restore",
        "copy.db",
    )
    of_daemon = {"version": any_of("str", "0.1.0"), "connections": 1, "apps": 1, "apps_running": 0}
    of_daemon.update(numbers(uptime_ms=5021, rss_bytes=7340032, requests=7, batches=2), watches=0)
    of_daemon.update(numbers(reads=1, writes=1, errors=0, cache_bytes=576))
    of_daemon.update(numbers(cache_hits=0, cache_misses=0, cache_limit=67108864))
    s.ask("stats of the daemon", of_daemon, "stats")
    of_app = {"app": "app", "directory": path("app"), "connections": 1, "watches": 0}
    of_app.update(numbers(requests=6, batches=2, reads=1, writes=1, errors=0), expired=0)
    of_app.update(numbers(cache_bytes=64, cache_hits=0, cache_misses=0))
    of_app.update(numbers(file_bytes=20480, free_bytes=0), commit=3, log_floor=3)
    of_app.update(log_commits=0, log_changes=0)
    s.ask("stats of an app", of_app, "stats", "app")
    return s


def apps_scenario():
    s = Scenario("apps", "Registering, starting and stopping, and what an app process may do.")
    stopped = [status_of("jobs", "stopped"), status_of("web", "stopped")]
    s.do("app", "an app of two components", dir="counter", manifest=MANIFEST)
    s.refused(
        "not an absolute path",
        "invalid-request",
        "app.register: directory must be an absolute path",
        "app.register",
        "counter",
    )
    s.refused("nothing is there", "no-such-app", any_of("str", "no directory"), "app.register", path("nothing"))
    s.ask("register", app_status("counter", "stopped", stopped), "app.register", path("counter"))
    s.ask("list", [app_status("counter", "stopped", stopped)], "app.list")
    s.ask("status", app_status("counter", "stopped", stopped), "app.status", "counter")
    s.ask("attach", session("counter", None, ["default", "queue"]), "attach", "counter")
    s.ask("an entry of the queue", None, "set", "queue", "job", bin_of("1"))
    started = [stopped[0], status_of("web", "starting")]
    s.ask(
        "start a component",
        app_status("counter", "running", started),
        "app.start",
        "counter",
        "web",
    )
    s.do("take", "the connection of its process", connection="process")
    s.ask("who am I", session("counter", "web", ["default"]), "hello", on="process")
    s.ask("set", None, "set", "default", "a", bin_of("from the app"), on="process")
    s.ask("seen from outside", bin_of("from the app"), "get", "default", "a")
    s.refused(
        "another component's store",
        "access-denied",
        "store 'queue' is not in key_value_stores of component 'web' of app 'counter'",
        "get",
        "queue",
        "job",
        on="process",
    )
    for method, *params in [["app.list"], ["attach", "counter"], ["store.backup", "/copy.db"], ["stats"]]:
        s.refused(
            method + " is not for app processes",
            "access-denied",
            "an app process may not call '%s'" % method,
            method,
            *params,
            on="process"
        )
    s.refused(
        "no such component",
        "invalid-request",
        "app 'counter' has no component 'cron'",
        "app.start",
        "counter",
        "cron",
    )
    ended = [stopped[0], status_of("web", "stopped", exit_signal=15)]
    s.ask("stop", app_status("counter", "stopped", ended), "app.stop", "counter")
    again = [stopped[0], status_of("web", "starting", exit_signal=15)]
    s.ask("restart", app_status("counter", "running", again), "app.restart", "counter", "web")
    s.ask("stop it again", app_status("counter", "stopped", ended), "app.stop", "counter")
    s.ask("what it wrote", [any_of("array", []), any_of("bin", bin_of("x"))], "app.logs", "counter", {"component": "web", "lines": 10})
    s.refused("no component of that name", "invalid-request", "app 'counter' has no component 'cron'", "app.logs", "counter", {"component": "cron"})
    s.ask("what is done, from now on", [any_of("array", []), any_of("int", 0), 0], "trace", "counter", {"limit": 5})
    s.ask("what happened", [any_of("array", []), any_of("int", 7)], "events", {"app": "counter", "limit": 5})
    s.ask("what is configured", {"file": None, "settings": any_of("map", {})}, "config")
    s.ask("nothing has failed", app_status("counter", "stopped", ended), "app.reset", "counter")
    s.do("write", "the manifest becomes wrong", app="counter", path="spin.toml", text="spin_manifest_version = ")
    s.refused("it is not applied", "invalid-request", text_with("spin.toml:1:"), "app.reload", "counter")
    wrong = dict(app_status("counter", "stopped", ended), error=text_with("spin.toml:1:"))
    s.ask("what was before holds", wrong, "app.status", "counter")
    empty = 'spin_manifest_version = 2\n[application]\nname = "counter"\n'
    s.do("write", "the manifest is right, without components", app="counter", path="spin.toml", text=empty)
    s.ask("it is applied", app_status("counter", "stopped", []), "app.reload", "counter")
    s.refused(
        "a connection that is attached cannot unregister",
        "invalid-request",
        "app.unregister: this connection is attached to the app; use another",
        "app.unregister",
        "counter",
    )
    s.ask("unregister", None, "app.unregister", "counter", on="b")
    s.ask("none is left", [], "app.list", on="b")
    return s


def held_scenario():
    s = Scenario("held", "Files that the daemon cannot use.")
    s.do("app", "an app", dir="held")
    s.ask("register", app_status("held", "stopped", []), "app.register", path("held"))
    s.do("hold", "another process has the file", app="held")
    s.refused("busy", "busy", text_with("held by another process"), "attach", "held")
    s.do("release", "no longer", app="held")
    s.ask("and again", session("held", None, ["default"]), "attach", "held")
    s.do("app", "another app", dir="spoiled")
    s.do("write", "what is no database", app="spoiled", path=".spin/sqlite_key_value.db", text="no database, " * 100)
    s.ask("register it", app_status("spoiled", "stopped", []), "app.register", path("spoiled"), on="b")
    s.refused("its file cannot be opened", "other", text_with("sqlite_key_value.db"), "attach", "spoiled", on="b")
    return s


def quota_scenario():
    s = Scenario("quota", "What an app may hold can be limited.")
    quota = {"quota_bytes": 20, "quota_entries": 2, "watches": 1}
    text = "quota_bytes = 20\nquota_entries = 2\nmax_watches = 1\n"
    s.do("config", "20 bytes, 2 entries, and one watch of a connection", text=text)
    s.attached(**quota)
    s.ask("an entry", None, "set", "default", "a", bin_of("12345"))
    over_bytes = ["quota-exceeded", any_of("str", "app 'app' may hold 20 bytes")]
    over_entries = ["quota-exceeded", any_of("str", "app 'app' may hold 2 entries")]
    s.refused("too many bytes", *over_bytes, "set", "default", "b", bin_of("x" * 20))
    s.refused("too many entries", *over_entries, "set_many", "default", [["b", bin_of("")], ["c", bin_of("")]])
    s.ask("nothing has changed", [1, 6], "count", "default")
    s.ask("just enough", None, "set", "default", "b", bin_of("x" * 13))
    s.refused("one byte more", *over_bytes, "atomic", "default", [], [["set", "a", bin_of("123456")]])
    s.ask("deleting always works", None, "delete", "default", "a")
    s.ask("a watch", 1, "watch", "default")
    s.refused(
        "another one",
        "quota-exceeded",
        any_of("str", "watch: the connection has 1 watches already"),
        "watch",
        "default",
    )
    return s


def upgrade_scenario():
    s = Scenario("upgrade", "The daemon is replaced by itself; the connection and its watch go on.")
    s.attached()
    s.ask("a watch", 1, "watch", "default", {"key": "a"})
    s.ask("a counter", 1, "increment", "default", "n", 1)
    upgraded = {"version": any_of("str", "0.1.0"), "previous": any_of("str", "0.1.0")}
    s.ask("upgrade", dict(upgraded, processes=0, pause_ms=any_of("int", 14)), "daemon.upgrade")
    s.ask("the counter goes on", 2, "increment", "default", "n", 1)
    return s


def stopping_scenario():
    s = Scenario("stopping", "Requests that the daemon finds unanswered when it stops.")
    s.do("app", "an app whose process does not stop when asked", dir="stubborn", manifest=STUBBORN)
    stopped = [status_of("web", "stopped")]
    s.ask("register", app_status("stubborn", "stopped", stopped), "app.register", path("stubborn"))
    running = [status_of("web", "starting")]
    s.ask("start", app_status("stubborn", "running", running), "app.start", "stubborn")
    s.do("log", "until its process is ready", app="stubborn", component="web", text="ready")
    first = s.send("stop it, which takes long", "app.stop", "stubborn", with_next=True)
    stopping = [status_of("web", "stopping", pid=True)]
    second = s.send("what comes behind has to wait", "ping")
    s.ask(
        "until it is being stopped",
        app_status("stubborn", "stopped", stopping),
        "app.status",
        "stubborn",
        on="b",
        until="response",
    )
    s.do("ask-to-stop", "the daemon is told to stop")
    killed = [status_of("web", "stopped", exit_signal=9)]
    s.answered("it has stopped", first, None, app_status("stubborn", "stopped", killed))
    s.answered("what waited is refused", second, ["shutting-down", "the daemon is shutting down"], None)
    s.steps[-1]["closed"] = True
    return s


def runner_scenario():
    s = Scenario("handles", "What hosts say that hand out handles to stores.", origin="runner")
    s.answered("all handles are in use", 1, ["store-table-full", "too many open stores"], None)
    s.answered("the handle is not one of an open store", 1, ["invalid-store", "not an open store"], None)
    return s


def all_scenarios():
    made = [
        session_scenario(),
        entries_scenario(),
        listing_scenario(),
        atomic_scenario(),
        params_scenario(),
        malformed_scenario(),
        watch_scenario(),
        overflow_scenario(),
        log_scenario(),
        backup_scenario(),
        apps_scenario(),
        held_scenario(),
        quota_scenario(),
        upgrade_scenario(),
        stopping_scenario(),
        runner_scenario(),
    ]
    return [s.made for s in made]
