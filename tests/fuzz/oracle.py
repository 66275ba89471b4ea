"""A client that only does what it may, and checks all along that its data is right and its answers come in time."""
import multiprocessing
import random
import time
import traceback


class Oracle:
    """Runs in a process of its own, so that it measures the daemon and not the one who torments it."""

    def __init__(self, service, app, limit):
        self.service, self.app, self.limit = service, app, limit
        self.stop_now = multiprocessing.Event()
        self.begun = multiprocessing.Event()
        self.queue = multiprocessing.Queue()
        self.process = multiprocessing.Process(target=self.run)

    def start(self):
        self.process.start()
        if not self.begun.wait(60):
            raise AssertionError("the oracle was not served in the beginning: %s" % (self.stop()[4],))

    def stop(self):
        """(calls, median, 99th percentile, longest, what was wrong or None), times in seconds"""
        self.stop_now.set()
        result = self.queue.get(timeout=120)
        self.process.join(60)
        return result

    def run(self):
        times, wrong = [], None
        try:
            self.live(times)
        except Exception:
            wrong = traceback.format_exc()
        times.sort()
        count = len(times)
        self.begun.set()
        self.queue.put((count, times[count // 2] if count else 0, times[count * 99 // 100] if count else 0,
                        times[-1] if count else 0, wrong))

    def live(self, times):
        choose = random.Random(1)
        data, number, counter = {}, 0, 0
        client = self.service.client(self.app)

        def timed(call, *arguments):
            began = time.monotonic()
            if client:
                client.socket.settimeout(self.limit)
            result = call(*arguments)
            times.append(time.monotonic() - began)
            assert times[-1] <= self.limit, "an answer took %.1f s" % times[-1]
            return result

        while not self.stop_now.is_set() or number < 10:
            number += 1
            key, value = "key-%d" % choose.randrange(200), b"%d" % number * choose.randrange(1, 60)
            timed(client.call, "set", "default", key, value)
            data[key] = value
            key = choose.choice(list(data))
            assert timed(client.call, "get", "default", key) == data[key], key
            counter += 1
            assert timed(client.call, "increment", "default", "counter", 1) == counter
            if number % 20 == 0:
                keys, cursor = timed(client.call, "keys", "default", {"prefix": "key-"})
                assert sorted(keys) == sorted(data) and cursor is None
            if number % 10 == 0:
                client.close()
                client = None
                client = timed(self.service.client, self.app)
            self.begun.set()
        for key, value in data.items():
            assert timed(client.call, "get", "default", key) == value, key
        client.close()
