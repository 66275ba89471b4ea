"""What a service manager is to the daemon: a socket for notifications, a store for descriptors, and starts with what
is in the store."""
import array
import os
import signal
import socket
import threading
import time


class Process:
    """Of a pid that we forked: what subprocess.Popen has of it."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout):
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < deadline, "the daemon does not end"
            time.sleep(0.005)
        return self.returncode

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


class Manager:
    def __init__(self, path, room):
        self.path = path
        self.room = room  # 0: no store
        self.store = []  # (name, descriptor)
        self.sockets = []  # the same, of socket units
        self.refused = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 253))
            fds = array.array("i")
            for level, kind, data in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[: len(data) - len(data) % 4])
            fields = dict(line.partition("=")[::2] for line in text.decode().split("\n"))
            self.hear(fields, list(fds))

    def hear(self, fields, fds):
        name = fields.get("FDNAME", "stored")
        if fields.get("FDSTORE") == "1":
            for fd in fds:
                if len(self.store) < self.room:
                    self.store.append((name, fd))
                else:
                    self.refused += 1
                    os.close(fd)
            return
        if fields.get("FDSTOREREMOVE") == "1":
            for kept, fd in [entry for entry in self.store if entry[0] == name]:
                os.close(fd)
            self.store = [entry for entry in self.store if entry[0] != name]
        for fd in fds:  # that of BARRIER=1 says that all before it was heard
            os.close(fd)

    def drop(self):
        """As when the service is stopped for good."""
        for _, fd in self.store:
            os.close(fd)
        self.store = []

    def start(self, command, log):
        """Run it with what is stored, from descriptor 3 on."""
        # The one of systemd may stand anywhere.
        half = len(self.store) // 2
        given = self.store[:half] + self.sockets + self.store[half:]
        pid = os.fork()
        if pid:
            return Process(pid)
        try:
            high = [os.dup2(fd, 2000 + i, False) for i, (_, fd) in enumerate(given)]
            output = os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 1999, False)
            os.closerange(3, 1999)
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, True)
            os.dup2(output, 1, True)
            os.dup2(output, 2, True)
            env = dict(os.environ, NOTIFY_SOCKET=self.path)
            if self.room:
                env["FDSTORE"] = str(self.room)
            if given:
                names = ":".join(name for name, _ in given)
                env.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=names)
            os.execvpe(command[0], command, env)
        finally:
            os._exit(127)
