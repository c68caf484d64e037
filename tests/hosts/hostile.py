"""hostile.py: what hostile scripts do to a Python program and its other interpreters.

    python3 hostile.py FOLDER_OF_ARRAYS.PY libcresset.so SCRIPT.lua:CODE:PATTERN...
"""
import re
import sys
import time

sys.path.insert(0, sys.argv[1])
import arrays  # noqa: E402
import numpy as np  # noqa: E402

SECONDS = 0.5


def attempt(c, path):
    """The code and the message with which a script ends, and after how long."""
    start = time.monotonic()
    try:
        with open(path, encoding="utf-8") as f:
            c.run(f.read(), path)
    except arrays.Error as e:
        return e.code, str(e), time.monotonic() - start
    return 0, "", time.monotonic() - start


def main():
    other = arrays.Interpreter(sys.argv[2])
    other.run("function double(x) return x * 2 end")
    wrong = 0
    for wanted in sys.argv[3:]:
        path, code, message = wanted.split(":")
        timed = int(code) == 5
        c = arrays.Interpreter(sys.argv[2], seconds=SECONDS if timed else 60, lua_memory=256 << 20)
        got, said, took = attempt(c, path)
        if timed:
            print("# %s: %.0f ms after its limit" % (path, (took - SECONDS) * 1e3))
        c.run("assert(torch.ones(2):sum() == 2)")
        doubled = other.call("double", np.ones(3, dtype=np.float32))
        if got != int(code) or not re.search(message, said) or (doubled != 2).any():
            print("%s: code %d: %s" % (path, got, said))
            wrong += 1
        c.close()
    other.close()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
