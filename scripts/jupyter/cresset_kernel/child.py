"""The interpreter as a child process: requests and answers are lines of JSON on two pipes, what it prints
comes on two more.  vm/kernel/init.lua is the other end."""

import codecs
import json
import os
import selectors
import signal
import subprocess
import time

# Printed text is collected for so many seconds, so that a loop of prints does not become as many messages.
COLLECT = 0.05

# More than this is not in a pipe when a message comes; another process may go on writing.
MOST_READS = 16


class Ended(Exception):
    """The interpreter is gone."""


class Stream:
    """One of the pipes that the interpreter prints to."""

    def __init__(self, name, fd):
        self.name, self.fd, self.closed = name, fd, False
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.set_blocking(fd, False)

    def read(self):
        """What is there, up to some size, as text; None for nothing."""
        try:
            data = os.read(self.fd, 1 << 18)
        except BlockingIOError:
            return None
        self.closed = not data
        return self.decoder.decode(data) if data else None


class Child:
    def __init__(self, program, on_text):
        """on_text(name, text) is called with what is printed on "stdout" and "stderr"."""
        self.on_text = on_text
        self.lines = b""
        self.pending, self.since = [], 0.0
        request_end, self.requests = os.pipe()
        self.answers, answer_end = os.pipe()
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        # In this process's own group: what ends or interrupts the one does so to the other.
        try:
            self.process = subprocess.Popen(
                [program, "--kernel=%d,%d" % (request_end, answer_end)],
                stdin=subprocess.DEVNULL, stdout=out_end, stderr=err_end,
                pass_fds=(request_end, answer_end))
        finally:
            for fd in (request_end, answer_end, out_end, err_end):
                os.close(fd)
        self.streams = [Stream("stdout", out), Stream("stderr", err)]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.answers, selectors.EVENT_READ)
        for stream in self.streams:
            self.selector.register(stream.fd, selectors.EVENT_READ, stream)
        self.hello = self.wait()

    # ---- what is printed -----------------------------------------------------------------------

    def read_streams(self):
        """Takes what was printed so far, and gives it on."""
        for stream in self.streams:
            for _ in range(MOST_READS):
                text = stream.read()
                if text is None:
                    break
                self.collect(stream.name, text)
        self.give_text()

    def collect(self, name, text):
        if not self.pending:
            self.since = time.monotonic()
        if self.pending and self.pending[-1][0] == name:
            self.pending[-1][1].append(text)
        elif text:
            self.pending.append((name, [text]))

    def give_text(self):
        pending, self.pending = self.pending, []
        for name, parts in pending:
            self.on_text(name, "".join(parts))

    # ---- messages ------------------------------------------------------------------------------

    def write(self, message):
        data = (json.dumps(message) + "\n").encode()
        try:
            while data:
                data = data[os.write(self.requests, data):]
        except OSError:
            raise Ended("it has ended") from None

    def wait(self):
        """The next message.  What was printed before it has been given on."""
        while b"\n" not in self.lines:
            late = self.since + COLLECT - time.monotonic() if self.pending else None
            for key, _ in self.selector.select(None if late is None else max(late, 0)):
                if key.data is None:
                    self.read_answers()
                    continue
                text = key.data.read()
                if text is not None:
                    self.collect(key.data.name, text)
                if key.data.closed:
                    self.selector.unregister(key.fd)
            if self.pending and time.monotonic() >= self.since + COLLECT:
                self.give_text()
        self.read_streams()
        line, self.lines = self.lines.split(b"\n", 1)
        return json.loads(line)

    def read_answers(self):
        data = os.read(self.answers, 1 << 18)
        if not data:
            self.read_streams()
            raise Ended("it has ended")
        self.lines += data

    def ask(self, op, on_message=None, **fields):
        """Sends a request; gives the answer.  on_message(message) is called with those before it, and gives
        the fields of the reply."""
        self.write(dict(fields, op=op))
        while True:
            message = self.wait()
            if message["kind"] == "answer":
                return message
            self.write(dict(on_message(message) or {}, op="reply", ask=message["ask"]))

    # ---- its end -------------------------------------------------------------------------------

    def how_it_ended(self):
        """In words; the process is waited for."""
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code < 0:
            try:
                return "was ended by " + signal.Signals(-code).name
            except ValueError:
                return "was ended by signal %d" % -code
        return "ended with exit code %d" % code

    def stop(self):
        """Lets it end; it is made to when it does not.  Another thread may wait for its answers."""
        os.close(self.requests)
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def release(self):
        """After its end."""
        self.selector.close()
        for fd in [self.requests, self.answers] + [stream.fd for stream in self.streams]:
            os.close(fd)
