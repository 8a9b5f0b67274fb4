"""Programs at a terminal of their own."""

import fcntl
import os
import pty
import select
import struct
import termios
import time


class Terminal:
    """A program at a pseudo-terminal: what it writes is collected while it is waited for."""

    def __init__(self, command, env=None, columns=80):
        self.output = b""
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            try:
                size = struct.pack("HHHH", 40, columns, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                command = [str(word) for word in command]
                os.execvpe(command[0], command, env or os.environ)
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, text):
        os.write(self.descriptor, text.encode())

    def line(self, text):
        """Types a line and waits a moment for what it does."""
        self.send(text + "\n")
        self.read(0.5)

    def read(self, seconds):
        """Reads for so long, or to the end; returns whether that came."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.descriptor], [], [], left)[0]:
                return False
            try:
                chunk = os.read(self.descriptor, 65536)
            except OSError:
                return True
            if not chunk:
                return True
            self.output += chunk
        return False

    def wait_for(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text.encode() not in self.output and time.monotonic() < end:
            if self.read(0.05):
                break
        assert text.encode() in self.output, self.output

    def rest(self, seconds=60):
        """All that was written, to the program's end."""
        assert self.read(seconds), ("it does not end", self.output)
        return self.output.decode(errors="surrogateescape")

    def close(self):
        """Hangs up, and waits for the program's end."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
            _, self.status = os.waitpid(self.process, 0)


def on_a_terminal(*command, columns=80, **environment):
    """What a command writes to a terminal."""
    settings = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with Terminal(command, dict(settings, **environment), columns) as terminal:
        return terminal.rest()
