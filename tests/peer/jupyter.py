"""Cresset's kernel for Jupyter, driven by Jupyter's own client: jupyter.py BUILD_FOLDER."""

import base64
import os
import queue
import re
import subprocess
import sys
import tempfile
import time

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

failed = False


def check(name, ok, *shown):
    global failed
    print(("ok - " if ok else "not ok - ") + name, flush=True)
    if not ok:
        failed = True
        print("".join("#   %r\n" % (s,) for s in shown), end="", flush=True)


class Session:
    """A kernel, and what it answers to one cell at a time."""

    def __init__(self):
        self.manager = KernelManager(kernel_name="cresset")
        self.manager.start_kernel(stderr=subprocess.DEVNULL)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def begin(self, code, **options):
        """An error does not abort the cells that come soon after, as the kernel otherwise has it."""
        return self.client.execute(code, stop_on_error=False, **options)

    def messages(self, wanted, timeout=60):
        """What the kernel publishes for the request, until it is idle."""
        found = []
        last = time.time() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(last - time.time(), 0.1))
            if message["parent_header"].get("msg_id") != wanted:
                continue
            if message["msg_type"] == "status":
                if message["content"]["execution_state"] == "idle":
                    return found
            elif message["msg_type"] != "execute_input":
                found.append(message)

    def reply(self, wanted, timeout=60):
        while True:
            message = self.client.get_shell_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") == wanted:
                return message["content"]

    def finish(self, wanted):
        messages = self.messages(wanted)
        return Outcome(messages, self.reply(wanted))

    def run(self, code, **options):
        return self.finish(self.begin(code, **options))

    def running(self, code):
        """Begins a cell that prints when it runs."""
        wanted = self.begin(code)
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "stream" and message["parent_header"].get("msg_id") == wanted:
                return wanted

    def close(self):
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel()


class Outcome:
    def __init__(self, messages, reply):
        self.messages, self.reply = messages, reply

    def of(self, kind):
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def printed(self, name="stdout"):
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)

    def result(self, kind="text/plain"):
        return "".join(c["data"].get(kind, "") for c in self.of("execute_result"))

    def shown(self, kind):
        return [c["data"][kind] for c in self.of("display_data") if kind in c["data"]]


def is_png(text):
    data = base64.b64decode(text)
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"


def test_cells(s):
    o = s.run("1 + 1")
    check("a result", o.result() == "2" and o.reply["status"] == "ok", o.messages)
    first = o.reply["execution_count"]
    o = s.run("x = torch.ones(2, 3)\nx:sum()")
    check("a cell's last expression is its result", o.result() == "6.0" or o.result() == "6", o.messages)
    check("counts go on", o.reply["execution_count"] == first + 1, o.reply)
    o = s.run("_%d + _" % first)
    check("results are kept under Jupyter's numbers", o.result() in ("8", "8.0"), o.messages)
    o = s.run("x:sum();")
    check("a semicolon asks for silence", o.messages == [], o.messages)
    o = s.run("print('out')\nio.stderr:write('err\\n')\nos.execute('echo child')")
    check("what is printed", o.printed() == "out\nchild\n" and o.printed("stderr") == "err\n", o.messages)
    o = s.run("local a = 1\nlocal function f() error 'oops' end\nf()\na = 2")
    error = o.of("error")[0]
    check("an error has its line", re.fullmatch(r"stdin\[%d\]:2: oops" % (first + 5), error["evalue"]), error)
    check("and a traceback of the cell only", "vm/kernel" not in str(error["traceback"])
          and "in main chunk" in str(error["traceback"]), error)
    o = s.run("local function f() error('oops', 2) end\nf()")
    check("also of the last expression", o.reply["evalue"].endswith(":2: oops"), o.reply)
    o = s.run("for i = 1, 2 do")
    check("a cell that ends too early", "'end' expected" in o.reply["evalue"], o.reply)
    o = s.run("error {}")
    check("an error that is no text", o.reply["status"] == "error", o.reply)
    o = s.run("%who\ny = 7\n%who")
    check("commands between lines", "y " in o.printed() and "x " in o.printed().split("y ")[0], o.messages)
    o = s.run("$ echo from the shell")
    check("commands of the system", o.printed() == "from the shell\n", o.messages)
    o = s.run("%%time\nfor i = 1, 10 do\n  x = x + 0\nend")
    check("a command for a whole cell", o.printed().startswith("wall "), o.messages)
    o = s.run("?narrow")
    check("help", "torch.narrow(x, dim, first, size)" in o.printed(), o.messages)
    o = s.run("-- nothing")
    check("a comment", o.messages == [] and o.reply["status"] == "ok", o.messages)
    o = s.run("'gr\u00fc\u00dfe \U0001f600 \\255'")
    check("text in UTF-8, and what is none", o.result() == "gr\u00fc\u00dfe \U0001f600 \ufffd", o.messages)
    o = s.run("silent_value = 3\nprint 'x'\n4", silent=True)
    check("a silent cell", o.messages == [] and s.run("silent_value").result() == "3", o.messages)


def test_questions(s):
    info = s.reply(s.client.kernel_info())
    check("what the kernel is", info["language_info"]["name"] == "lua" and "Cresset" in info["banner"]
          and not info.get("debugger") and not info["supported_features"], info)

    def ask(kind, *words, **more):
        return s.reply(getattr(s.client, kind)(*words, **more))

    reply = ask("complete", "grüße = torch.narr")
    check("completion", reply["matches"] == ["narrow"] and reply["cursor_start"] == 14, reply)
    reply = ask("complete", "x:sum(", 5)
    check("of methods", "sum" in reply["matches"] and reply["cursor_start"] == 2, reply)
    reply = ask("complete", "%wh")
    check("of commands", reply["matches"] == ["who"], reply)
    reply = ask("complete", "io.open('/et")
    check("of files", "/etc/" in reply["matches"] and reply["cursor_start"] == 9, reply)
    reply = ask("inspect", "torch.narrow(x, ")
    check("help in parentheses", reply["found"] and "narrow(x, dim, first" in reply["data"]["text/plain"], reply)
    s.run("-- what it does\nfunction mine(a)\n  return a\nend")
    reply = ask("inspect", "mine(1)", 2)
    check("a function's source", "function mine(a)\n  return a\nend" in reply["data"]["text/plain"], reply)
    reply = ask("inspect", "x", 1)
    check("a variable", "x: torch.FloatTensor of 2x3" in reply["data"]["text/plain"], reply)
    check("nothing", not ask("inspect", "no_such_name")["found"])
    states = {"for i = 1, 2 do": "incomplete", "x = 1": "complete", "x = = 1": "invalid", "%who": "complete",
              "f(1,": "incomplete", "x = 1\nx": "complete", "s = [[": "incomplete", "": "complete"}
    for code, state in states.items():
        check("%r is %s" % (code, state), ask("is_complete", code)["status"] == state)
    check("with an indent", ask("is_complete", "for i = 1, 2 do")["indent"] == "  ")


def test_interrupts(s):
    for name, code in {"a loop": "print(1) while true do end",
                       "a loop in a coroutine": "print(1) coroutine.wrap(function() while true do end end)()",
                       "a loop that catches errors":
                           "print(1) while true do pcall(function() while true do end end) end",
                       "products": "a = torch.rand(1500, 1500) print(1) for i = 1, 1e6 do a = a * a end",
                       "a command of the system": "print(1) $ sleep 100".replace(") $", ")\n$"),
                       "a pause": "print(1) sys.sleep(100)"}.items():
        wanted = s.running(code)
        time.sleep(0.2)
        began = time.time()
        s.manager.interrupt_kernel()
        o = s.finish(wanted)
        fine = o.reply["status"] == "error" and o.reply["ename"] == "Interrupted"
        check("the stop button ends " + name, fine and time.time() - began < 20, o.reply, o.messages)
    check("and the session goes on", s.run("x:sum()").result() in ("6", "6.0"))
    s.manager.interrupt_kernel()
    time.sleep(0.2)
    check("between cells it does nothing", s.run("1").result() == "1")


def test_pictures(s):
    o = s.run("image.display(image.lena())\nprint 'after'")
    png = o.shown("image/png")
    check("image.display", len(png) == 1 and is_png(png[0]), o.messages)
    check("comes before what is printed after it", [m["msg_type"] for m in o.messages]
          == ["display_data", "stream"], o.messages)
    o = s.run("display(torch.rand(4, 3, 20, 20)) display(3) display(torch.rand(20, 20))")
    check("display", [is_png(p) for p in o.shown("image/png")] == [True, True]
          and "3" in o.shown("text/plain"), o.messages)
    o = s.run("plot.show({ 'loss', { 3, 2, 1 } })")
    check("plot.show", o.shown("image/svg+xml")[0].startswith("<svg"), o.messages)
    o = s.run("gnuplot.plot(torch.rand(9))\ngnuplot.title 'numbers'\ngnuplot.xlabel 'x'")
    check("gnuplot: one picture of a cell", len(o.shown("image/png") + o.shown("image/svg+xml")) == 1, o.messages)
    o = s.run("{ name = { 'a<', 'b' }, age = torch.Tensor { 1, 2.5 } }")
    check("a table of columns", "<th>age</th><th>name</th>" in o.result("text/html")
          and "<td>2.5</td>" in o.result("text/html") and "a&lt;" in o.result("text/html"), o.messages)
    check("other tables are text", "text/html" not in s.run("{ 1, 2 }").of("execute_result")[0]["data"])


def test_input(s):
    def answer(value):
        message = s.client.get_stdin_msg(timeout=60)
        s.client.input(value)
        return message["content"]["prompt"]

    wanted = s.begin("io.write 'name? '\nn = io.read()\na, b = io.read('n', 'n')\nprint(n, a + b)", allow_stdin=True)
    answer("Ada")
    answer("4 5")
    o = s.finish(wanted)
    check("io.read asks the notebook", o.printed() == "name? Ada\t9\n", o.messages)
    wanted = s.begin("io.read 'l', io.stdin:read()", allow_stdin=True)
    answer("next")
    o = s.finish(wanted)
    check("what is left of a line", o.result() == "\tnext", o.messages)
    o = s.run("io.read()", allow_stdin=False)
    check("no input, no wait", "takes no input" in o.reply["evalue"], o.reply)
    wanted = s.begin("io.read()", allow_stdin=True)
    s.client.get_stdin_msg(timeout=60)
    s.manager.interrupt_kernel()
    check("the stop button ends it", s.finish(wanted).reply.get("ename") == "Interrupted")
    s.run("%pdb on")
    wanted = s.begin("local function f(a)\n  error 'oops'\nend\nf(41) x = 1", allow_stdin=True)
    answer("print a + 1")
    answer("quit")
    o = s.finish(wanted)
    check("the debugger", "42" in o.printed() and o.reply["status"] == "error", o.messages)
    s.run("%pdb off")
    check("and nothing is mixed up", s.run("1").result() == "1")


def test_much(s):
    began = time.time()
    o = s.run("io.write(('x'):rep(1000000)) io.stderr:write(('y'):rep(1000000))")
    check("a megabyte", len(o.printed()) == 1000000 and len(o.printed("stderr")) == 1000000,
          len(o.printed()), len(o.printed("stderr")))
    o = s.run("for i = 1, 20000 do print(i) end")
    check("many lines in few messages", o.printed().split() == [str(i) for i in range(1, 20001)]
          and len(o.messages) < 200, len(o.messages))
    check("a long result", len(s.run("('z'):rep(1000000)").result()) == 1000000)
    check("a long cell", s.run("#[[" + "a" * 1000000 + "]]").result() == "1000000")
    check("all that soon", time.time() - began < 60)
    o = s.run("local s = ('\u00e4'):rep(300000) io.write(s)")
    check("letters of several bytes", o.printed() == "\u00e4" * 300000)


def test_late(s):
    wanted = s.begin("os.execute '(sleep 1; echo late) &'\nprint 'early'")
    first = s.finish(wanted)
    message = s.client.get_iopub_msg(timeout=20)
    check("what is printed between cells", first.printed() == "early\n" and message["content"].get("text") == "late\n"
          and message["parent_header"]["msg_id"] == wanted, first.messages, message)
    o = s.run("os.execute 'yes & sleep 0.3; kill $!'\n1")
    check("a flood from another process", o.result() == "1", len(o.messages))
    wanted = s.running("while true do print 'again' end")
    time.sleep(1)
    s.manager.interrupt_kernel()
    o = s.finish(wanted)
    check("the stop button ends a flood", o.reply["ename"] == "Interrupted" and s.run("1").result() == "1", o.reply)


def test_ends(s):
    o = s.run("print 'before'\nos.exit(3)")
    check("os.exit is told", o.reply["status"] == "error" and "exit code 3" in o.reply["evalue"]
          and o.printed() == "before\n", o.reply)
    check("and a new interpreter is there", s.run("x == nil").result() == "true")
    o = s.run("pid = io.open('/proc/self/stat'):read 'n' print(pid)")
    os.kill(int(o.printed()), 9)
    time.sleep(0.3)
    o = s.run("pid")
    check("one that died between cells too", "SIGKILL" in o.printed("stderr") and o.result() in ("", "nil"),
          o.messages)
    o = s.run("os.execute('kill -ABRT ' .. io.open('/proc/self/stat'):read 'n') sys.sleep(10)")
    check("a crash is told", "SIGABRT" in o.reply.get("evalue", ""), o.reply)
    check("and the next cell runs", s.run("2").result() == "2")
    s.run("y = 1")
    s.manager.restart_kernel(now=False)
    s.client.wait_for_ready(timeout=60)
    o = s.run("y")
    check("a restart forgets", o.result() in ("", "nil") and o.reply["execution_count"] == 1, o.reply)
    o = s.run("io.open('/proc/self/stat'):read 'n'")
    pid = int(o.result())
    s.begin("while true do end")
    time.sleep(0.5)
    s.manager.shutdown_kernel(now=True)
    time.sleep(0.5)
    check("no interpreter stays behind", not os.path.exists("/proc/%d" % pid)
          or open("/proc/%d/stat" % pid).read().split()[2] == "Z")


def test_notebook():
    path = os.path.join("scripts", "jupyter", "example.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}).execute()
    kinds = {kind for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
             for kind in output.get("data", {output["output_type"]: 1})}
    check("the example notebook runs", {"text/plain", "stream", "image/png", "image/svg+xml", "text/html"} <= kinds,
          kinds)


def main():
    build = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as prefix:
        os.environ["PYTHONPATH"] = os.path.abspath(os.path.join("scripts", "jupyter"))
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        subprocess.run([sys.executable, "-m", "cresset_kernel.install", "--prefix", prefix,
                        "--program", os.path.join(build, "cresset")], check=True, stdout=subprocess.DEVNULL)
        os.environ["JUPYTER_PATH"] = os.path.join(prefix, "share", "jupyter")
        session = Session()
        tests = [test_cells, test_questions, test_interrupts, test_pictures, test_input, test_much, test_late, test_ends]
        try:
            for test in tests:
                try:
                    test(session)
                except queue.Empty:
                    check("%s: an answer comes" % test.__name__, False)
        finally:
            session.close()
        test_notebook()
    sys.exit(failed)


main()
