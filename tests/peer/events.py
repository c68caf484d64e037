"""events.py: reads what events.lua wrote as TensorBoard does, and compares.

events.py ALL KILLED COUNT THEIRS: ALL is what events.lua wrote; in KILLED, of a program that was killed, COUNT
scalars at least must be there; PyTorch, where it is, writes into THEIRS.
"""
import io
import json
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import types_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

try:
    from torch.utils.tensorboard.summary import make_histogram
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    make_histogram = None
try:
    from PIL import Image
except ImportError:
    Image = None

failed = 0


def check(name, ok, more=""):
    global failed
    if not ok:
        failed += 1
    print(("ok - " if ok else "not ok - ") + "TensorBoard reads " + name + (f": {more}" if not ok else ""))


def load(folder):
    everything = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    accumulator = EventAccumulator(folder, size_guidance=everything, purge_orphaned_data=True)
    accumulator.Reload()
    return accumulator


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def same_histogram(got, values):
    numbers = [v for v in values]
    ok = got.num == len(numbers) and got.min == min(numbers) and got.max == max(numbers)
    ok = ok and abs(got.sum - sum(numbers)) <= 1e-9 * sum(map(abs, numbers)) + 1e-30
    if make_histogram:
        import numpy as np
        up, v = [], 1e-12
        while v < 1e20:
            up.append(v)
            v *= 1.1
        bins = [-x for x in up[::-1]] + [0] + up
        theirs = make_histogram(np.array(numbers, dtype=float), bins)
        ok = ok and list(theirs.bucket_limit) == list(got.bucket_limit) and list(theirs.bucket) == list(got.bucket)
    return ok


def killed(folder, count):
    values = [e.value for e in load(folder).Scalars("a")]
    check(f"all {count} scalars of a killed program", values[:count] == list(range(1, count + 1)), len(values))


def compare(folder):
    want = json.load(open(folder + "/want.json"))
    a = load(folder + "/main")
    got = [(e.step, e.value) for e in a.Scalars("loss/train")]
    check("scalars", got == [(w["step"], single(w["value"])) for w in want["scalars"]], got[:3])
    h = a.Histograms("h")
    for e, w in zip(h, want["histograms"]):
        check(f"histogram {w['step']}", e.step == w["step"] and same_histogram(e.histogram_value, w["value"]), e)
    for e, w in zip(a.Images("i"), want["images"]):
        v = w["value"]
        ok = e.encoded_image_string == bytes.fromhex(v["png"]) and (e.width, e.height) == (v["width"], v["height"])
        if Image:
            import numpy as np
            pixels = np.asarray(Image.open(io.BytesIO(e.encoded_image_string)))
            theirs = np.array(v["pixels"], dtype=np.uint8)
            ok = ok and (pixels == (theirs if theirs.ndim == 2 else theirs.transpose(1, 2, 0))).all()
        check(f"picture {w['step']}", ok and e.step == w["step"])
    check("how many there are", len(h) == len(want["histograms"]) and len(a.Images("i")) == len(want["images"]))
    note = a.Tensors("note/text_summary")[0]
    text = tensor_util.make_ndarray(note.tensor_proto).item().decode()
    plugin = a.SummaryMetadata("note/text_summary").plugin_data.plugin_name
    check("text", (note.step, text, plugin) == (3, want["texts"][0]["value"], "text"), text)
    graph = {node.name: (node.op, list(node.input)) for node in a.Graph().node}
    shape = [node for node in a.Graph().node if node.name == "output"][0].attr["_output_shapes"].list.shape[0]
    check("a graph", graph["Sequential/1/tanh"] == ("tanh", ["Sequential/0/linear"])
          and graph["output"] == ("Output", ["Sequential/1/tanh"]) and [d.size for d in shape.dim] == [2, 4], graph)
    content = a.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    kinds = {k: getattr(v, v.WhichOneof("kind")) for k, v in start.hparams.items()}
    check("hparams", kinds == want["hparams"], kinds)
    content = a.SummaryMetadata("_hparams_/experiment").plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    names = [i.name for i in experiment.hparam_infos], [i.name.tag for i in experiment.metric_infos]
    check("the experiment", names == (["lr", "name", "on"], ["acc"]), names)
    check("a metric of hparams", a.Scalars("acc")[0].value == 0.5)
    values = [e.value for e in load(folder + "/resumed").Scalars("a")]
    check("a resumed run", values == want["resumed"], values)
    assert types_pb2.DT_STRING == 7


def theirs(folder):
    """A folder that PyTorch writes, for tests/peer/run_tensorboard to read with ours."""
    writer = SummaryWriter(folder)
    for step in range(1, 6):
        writer.add_scalar("loss", 1 / step, step)
    writer.add_text("note", "hello", 2)
    writer.add_scalar("loss", 9.0, 6, new_style=True)
    writer.close()


compare(sys.argv[1])
killed(sys.argv[2], int(sys.argv[3]))
if make_histogram:
    theirs(sys.argv[4])
sys.exit(failed > 0)
