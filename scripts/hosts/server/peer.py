"""peer.py: the server of digits.lua's model as one would write it in Python, to compare with.

    python3 peer.py model.safetensors [-port 8080] [-kind http|asyncio] [-threads 1]

http is the standard library's ThreadingHTTPServer: a thread for each connection.  asyncio reads HTTP by
hand, one thread for all connections, and scores what waits as one batch.  -threads is PyTorch's.  It
takes the requests of server.c's /predict, and gives the same answers.
"""
import argparse
import asyncio
import http.server
import json
import socket
import struct

import torch
from torch import nn


def read_safetensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    for name, it in head.items():
        if name != "__metadata__":
            first, end = it["data_offsets"]
            yield name, torch.frombuffer(data[first:end], dtype=torch.float32).view(it["shape"])


def load(path):
    model = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))
    weights = dict(read_safetensors(path))
    places = sorted({int(name.split(".")[0]) for name in weights})  # dropout may be among the layers
    with torch.no_grad():
        for layer, i in zip([m for m in model if hasattr(m, "weight")], places, strict=True):
            layer.weight.copy_(weights[f"{i}.weight"])
            layer.bias.copy_(weights[f"{i}.bias"])
    return model.eval()


def read_rows(body):
    rows = torch.tensor(json.loads(body)["inputs"], dtype=torch.float32)
    if rows.shape[1:] != (784,) or not rows.isfinite().all():
        raise ValueError("wanted rows of 784 numbers")
    return rows


@torch.inference_mode()
def score(rows):
    return model(((rows / 255 - 0.1307) / 0.3081).view(-1, 1, 28, 28))


def answer(status, value):
    text = json.dumps(value).encode()
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found"}[status]
    return (f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n").encode() + text


# ---- a thread for each connection ---------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/predict":
            self.wfile.write(answer(404, {"error": "there is /predict"}))
            return
        try:
            outputs = score(read_rows(body)).tolist()
        except (ValueError, TypeError, KeyError, OverflowError) as why:
            self.wfile.write(answer(400, {"error": str(why)}))
        else:
            self.wfile.write(answer(200, {"outputs": outputs}))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


def serve_http(port):
    server = Server(("127.0.0.1", port), Handler)
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever()


# ---- one thread, and batches -----------------------------------------------------------------------

waiting = []  # rows, and the future of their outputs


def score_waiting():
    taken = waiting[:]
    waiting.clear()
    outputs = score(torch.cat([rows for rows, _ in taken])).tolist()
    for rows, future in taken:
        future.set_result(outputs[:len(rows)])
        del outputs[:len(rows)]


def submit(rows):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    if not waiting:
        loop.call_soon(score_waiting)  # after the requests that have come already
    waiting.append((rows, future))
    return future


async def respond(head, body):
    if not head.startswith(b"POST /predict "):
        return answer(404, {"error": "there is POST /predict"})
    try:
        rows = read_rows(body)
    except (ValueError, TypeError, KeyError, OverflowError) as why:
        return answer(400, {"error": str(why)})
    return answer(200, {"outputs": await submit(rows)})


async def converse(reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
            writer.write(await respond(head, await reader.readexactly(int(size))))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_asyncio(port):
    server = await asyncio.start_server(converse, "127.0.0.1", port, backlog=1024)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("-port", type=int, default=8080)
parser.add_argument("-kind", choices=("http", "asyncio"), default="http")
parser.add_argument("-threads", type=int, default=1)
options = parser.parse_args()
torch.set_num_threads(options.threads)
model = load(options.model)
if options.kind == "http":
    serve_http(options.port)
else:
    asyncio.run(serve_asyncio(options.port))
