"""arrays.py: arrays of NumPy and tensors of Cresset over the same memory, from Python without an extension.

    python3 arrays.py [libcresset.so]

`Interpreter` loads the library by ctypes.  Arrays go in as they lie in memory; tensors come out by DLPack, as
np.from_dlpack reads it, so that nothing is copied either way.
"""
import ctypes
import sys

import numpy as np

DTYPES = {"float32": 0, "float64": 1, "float16": 2, "int8": 4, "uint8": 5, "int16": 6, "int32": 7, "int64": 8,
          "bool": 9}
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
CAPSULE_DESTRUCTOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Options(ctypes.Structure):
    """cresset_options of cresset.h."""
    _fields_ = [("torch7", ctypes.c_int), ("dtype", ctypes.c_char_p), ("argc", ctypes.c_int),
                ("argv", ctypes.c_void_p), ("script", ctypes.c_int), ("restricted", ctypes.c_int),
                ("libraries", ctypes.c_char_p), ("path", ctypes.c_char_p), ("cpath", ctypes.c_char_p),
                ("lua_memory", ctypes.c_size_t), ("tensor_memory", ctypes.c_size_t), ("seconds", ctypes.c_double),
                ("instructions", ctypes.c_int64), ("threads", ctypes.c_int), ("allocate", ctypes.c_void_p),
                ("write", ctypes.c_void_p), ("user", ctypes.c_void_p), ("reserved", ctypes.c_void_p * 8)]


class Error(RuntimeError):
    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


def load(path):
    lib = ctypes.CDLL(path)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    sizes = ctypes.POINTER(ctypes.c_int64)
    for name, result, arguments in [
        ("cresset_open", pointer, [pointer]),
        ("cresset_close", None, [pointer]),
        ("cresset_error", text, [pointer]),
        ("cresset_run_string", number, [pointer, text, text]),
        ("cresset_tensor_wrap", pointer, [pointer, number, number, sizes, sizes, RELEASE, pointer]),
        ("cresset_tensor_release", None, [pointer]),
        ("cresset_tensor_to_dlpack", pointer, [pointer]),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Tensor:
    """What np.from_dlpack wants: an object that gives its tensor away once, in a capsule."""

    def __init__(self, managed):
        self.managed = managed

    def __dlpack__(self, **_):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(self.managed, b"dltensor", None)

    def __dlpack_device__(self):
        return (1, 0)


class Interpreter:
    """One interpreter; limits are the fields of Options, as seconds=2."""

    def __init__(self, path="libcresset.so.0", **limits):
        self.lib = load(path)
        self.lent = {}  # arrays that scripts still hold
        self.release = RELEASE(self.returned)
        self.c = self.lib.cresset_open(ctypes.byref(Options(**limits)))
        if not self.c:
            raise Error(self.lib.cresset_error(None).decode())

    def returned(self, key, _):
        self.lent.pop(key, None)

    def close(self):
        self.lib.cresset_close(self.c)
        self.c = None

    def check(self, code):
        if code:
            raise Error(self.lib.cresset_error(self.c).decode(), code)

    def run(self, code, name="python"):
        self.check(self.lib.cresset_run_string(self.c, name.encode(), code.encode()))

    def wrap(self, array):
        """A tensor over the array's memory; the array lives as long as the tensor does."""
        if array.dtype.name not in DTYPES:
            raise TypeError("there is no tensor of type " + array.dtype.name)
        if any(s % array.itemsize for s in array.strides):
            raise ValueError("the array's strides are no multiples of its elements' size")
        sizes = (ctypes.c_int64 * array.ndim)
        key = len(self.lent) + 1
        while key in self.lent:
            key += 1
        tensor = self.lib.cresset_tensor_wrap(
            array.ctypes.data, DTYPES[array.dtype.name], array.ndim, sizes(*array.shape),
            sizes(*(s // array.itemsize for s in array.strides)), self.release, key)
        if not tensor:
            raise Error(self.lib.cresset_error(None).decode())
        self.lent[key] = array
        return tensor

    def call(self, function, *arrays):
        """Calls a function of a script with arrays; what it returns is an array."""
        tensors = []
        result = ctypes.c_void_p()
        try:
            for array in arrays:
                tensors.append(self.wrap(array))
            signature = "t" * len(tensors) + ">t"
            self.check(self.lib.cresset_call(
                ctypes.c_void_p(self.c), function.encode(), signature.encode(),
                *map(ctypes.c_void_p, tensors), ctypes.byref(result)))
            managed = self.lib.cresset_tensor_to_dlpack(result)
            return np.from_dlpack(Tensor(managed))
        finally:
            for tensor in tensors:
                self.lib.cresset_tensor_release(tensor)
            self.lib.cresset_tensor_release(result)


def main():
    c = Interpreter(*sys.argv[1:2], seconds=10, lua_memory=256 << 20, tensor_memory=256 << 20)
    c.run("""
      function normalize(x) return (x - x:mean()) / x:std() end
      function double(x) return x:mul(2) end
      function part(x) return x:narrow(1, 2, 2):t() end
    """)
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    y = c.call("normalize", x)
    assert np.allclose(y, (x - x.mean()) / x.std(ddof=1)), y
    print("normalized:", y.shape, y.dtype, float(abs(y.mean())) < 1e-6)

    z = c.call("double", x[:, ::2])  # a view with strides, changed in place
    assert x[1, 0] == 6 and x[1, 1] == 4 and np.shares_memory(z, x)
    print("in place:", x[1].tolist())

    part = c.call("part", x)
    assert part.shape == (3, 2) and np.shares_memory(part, x) and (part == x[1:3].T).all()
    for name in DTYPES:
        if name != "bool":
            a = np.arange(6).astype(name).reshape(2, 3)
            assert (c.call("part", np.vstack([a, a])).astype("int64") == np.vstack([a, a])[1:3].T).all(), name
    try:
        c.call("normalize", np.array(["text"]))
    except TypeError as e:
        print("refused:", e)
    try:
        c.run("error('from Lua')")
    except Error as e:
        print("error:", str(e).splitlines()[0])
    del y, z, part
    c.run("collectgarbage()")
    c.close()
    print("arrays that are still lent:", len(c.lent))


if __name__ == "__main__":
    main()
