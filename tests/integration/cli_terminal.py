"""A command on a pseudo-terminal: what a person types and sees."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

DEADLINE = 60


class Terminal:
    def __init__(self, service, *args, columns=80, cwd=None, program=None):
        self.seen = b""
        self.raw = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd or service.app)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(program or f"{service.bin}/bobbin", [os.path.basename(program or "bobbin"), *args],
                      service.environment)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """More of what is written; b"" at the end."""
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            raise TimeoutError(f"only {self.seen!r}, behind {self.raw[-400:]!r}")
        try:
            more = os.read(self.fd, 4096)
        except OSError:
            more = b""
        self.raw += more
        self.seen = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.seen + more)
        return more

    def until(self, text):
        """What comes up to and with `text`, without the terminal's escape sequences."""
        text = text.encode()
        end = time.monotonic() + DEADLINE
        while text not in self.seen:
            if not self.read(end - time.monotonic()):
                raise EOFError(f"no {text!r} in {self.seen!r}")
        at = self.seen.index(text) + len(text)
        before, self.seen = self.seen[:at], self.seen[at:]
        return before.decode(errors="replace")

    def end(self):
        """The exit status, when it has ended by itself."""
        end = time.monotonic() + DEADLINE
        while self.read(end - time.monotonic()):
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)
