"""The kernel: what Jupyter asks is passed on to the interpreter, and its answers back."""

import asyncio
import base64
import os
import signal
import sys

from ipykernel.kernelbase import Kernel, kernel_protocol_version

from . import __version__
from .child import Child, Ended


def read_files(files):
    """The files of a message as what Jupyter wants; they are removed."""
    data = {}
    for kind, name in files.items():
        try:
            with open(name, "rb") as file:
                content = file.read()
            os.remove(name)
        except OSError as error:
            data["text/plain"] = str(error)
            continue
        is_text = kind.startswith("text/") or kind.endswith("+xml")
        data[kind] = content.decode("utf-8", "replace") if is_text else base64.b64encode(content).decode()
    return data


class CressetKernel(Kernel):
    implementation = "cresset_kernel"
    implementation_version = __version__
    language_info = {
        "name": "lua",
        "version": "5.4",
        "mimetype": "text/x-lua",
        "file_extension": ".lua",
        "pygments_lexer": "lua",
        "codemirror_mode": "lua",
    }

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.program = os.environ.get("CRESSET", "cresset")
        self.stopping = False
        self.silent = False
        self.cell = None  # the message whose cell runs, or ran last: what is printed belongs to it
        self.watched = None
        try:
            self.start_child()
        except (OSError, Ended) as error:
            sys.__stderr__.write("cresset_kernel: %s does not start. %s\n" % (self.program, error))
            sys.exit(1)

    @property
    def banner(self):
        return "Cresset %s, %s. ? helps, %%who lists the variables." % (
            self.child.hello["version"], self.child.hello["lua"])

    @property
    def kernel_info(self):
        """The base class promises a debugger and shells beside the first, which it has for Python only."""
        return {
            "protocol_version": kernel_protocol_version,
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": [],
            "supported_features": [],
        }

    # Ctrl-C and the stop button reach the interpreter itself, which is in this process's group.  Here
    # SIGINT stays ignored, as the application has set it.
    def pre_handler_hook(self):
        pass

    def post_handler_hook(self):
        pass

    # ---- the interpreter -----------------------------------------------------------------------

    def start_child(self):
        self.child = Child(self.program, self.on_text)

    def restart_child(self):
        """After the interpreter has ended; says so."""
        how = self.child.how_it_ended()
        self.watch(False)
        self.child.release()
        message = "The interpreter %s. A new one has begun; the variables are gone." % how
        self.start_child()
        self.on_text("stderr", message + "\n")
        return message

    def ask(self, op, **fields):
        """A request that needs no new interpreter when this one ends."""
        try:
            return self.child.ask(op, self.on_message, **fields)
        except Ended:
            if not self.stopping:
                self.restart_child()
            return {"status": "error"}

    def watch(self, on):
        """Between cells what a thread or another process prints is shown too."""
        if on == (self.watched is not None):
            return
        loop = asyncio.get_running_loop() if on else self.watched
        for stream in self.child.streams:
            if on and not stream.closed:
                loop.add_reader(stream.fd, self.between_cells, stream)
            elif not on:
                loop.remove_reader(stream.fd)
        self.watched = loop if on else None

    def between_cells(self, stream):
        self.child.read_streams()
        if stream.closed:
            self.watched.remove_reader(stream.fd)

    # ---- what comes from it --------------------------------------------------------------------

    def publish(self, kind, content):
        self.session.send(self.iopub_socket, kind, content, self.cell, ident=self._topic(kind))

    def on_text(self, name, text):
        if self.cell is None:  # why it does not start
            sys.__stderr__.write(text)
        elif not self.silent:
            self.publish("stream", {"name": name, "text": text})

    def on_message(self, message):
        if message["kind"] == "input":
            return self.read_input()
        content = {"data": dict(message["data"], **read_files(message["files"])), "metadata": {}}
        if self.silent:
            return None
        if message["kind"] == "result":
            self.publish("execute_result", dict(content, execution_count=self.execution_count))
        else:
            self.publish("display_data", content)
        return None

    def read_input(self):
        if not self._allow_stdin:
            return {"error": "io.read: this notebook takes no input"}
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return {"value": self.raw_input()}
        except (EOFError, KeyboardInterrupt):
            return {}
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    # ---- what Jupyter asks ---------------------------------------------------------------------

    def failed(self, name, value, traceback):
        content = {"ename": name, "evalue": value, "traceback": traceback}
        if not self.silent:
            self.publish("error", content)
        return dict(content, status="error", execution_count=self.execution_count)

    async def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False,
                         *, cell_meta=None, cell_id=None):
        self.silent, self._allow_stdin, self.cell = silent, allow_stdin, self.get_parent("shell")
        number = {} if silent else {"number": self.execution_count}
        try:
            if self.child.process.poll() is not None:
                self.restart_child()
            answer = self.child.ask("execute", self.on_message, code=code, **number)
            self.watch(True)
        except Ended:
            if self.stopping:
                return {"status": "aborted"}
            message = self.restart_child()
            return self.failed("Ended", message, [message])
        finally:
            self.silent = False
        if answer["status"] == "error":
            return self.failed(answer["name"], answer["value"], answer["traceback"])
        return {"status": "ok", "execution_count": self.execution_count, "payload": [],
                "user_expressions": {}}

    async def do_complete(self, code, cursor_pos):
        answer = self.ask("complete", text=code[:cursor_pos])
        return {"status": "ok", "matches": answer.get("words", []), "metadata": {},
                "cursor_start": cursor_pos - len(answer.get("word", "")), "cursor_end": cursor_pos}

    async def do_inspect(self, code, cursor_pos, detail_level=0, omit_sections=()):
        answer = self.ask("inspect", before=code[:cursor_pos], after=code[cursor_pos:], more=detail_level > 0)
        text = answer.get("text")
        return {"status": "ok", "found": text is not None, "metadata": {},
                "data": {} if text is None else {"text/plain": text}}

    async def do_is_complete(self, code):
        answer = self.ask("is_complete", code=code)
        reply = {"status": answer.get("state", "unknown")}
        if "indent" in answer:
            reply["indent"] = answer["indent"]
        return reply

    async def do_shutdown(self, restart):
        self.stopping = True
        self.child.stop()
        return {"status": "ok", "restart": restart}
