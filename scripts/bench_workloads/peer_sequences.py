"""peer_sequences.py: the models of text and trees for peer.py: as in sequences.lua."""
import torch
import torch.nn.functional as F
from torch import nn


class CharLSTM(nn.Module):
    """Two LSTM layers from elementary operations, time step by time step."""

    def __init__(self, width=512, layers=2, vocabulary=65):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.cells = nn.ModuleList(
            nn.ModuleList([nn.Linear(width, 4 * width), nn.Linear(width, 4 * width)]) for _ in range(layers))
        self.scores = nn.Linear(width, vocabulary)

    def forward(self, ids):
        x = self.embedding(ids)
        zeros = x.new_zeros(x.shape[1:])
        h, c = [zeros] * len(self.cells), [zeros] * len(self.cells)
        outs = []
        for step in x.unbind():
            for k, (from_input, from_state) in enumerate(self.cells):
                i, f, g, o = (from_input(step) + from_state(h[k])).chunk(4, 1)
                c[k] = torch.sigmoid(f) * c[k] + torch.sigmoid(i) * torch.tanh(g)
                step = h[k] = torch.sigmoid(o) * torch.tanh(c[k])
            outs.append(step)
        return self.scores(torch.stack(outs)).flatten(0, 1)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.split = (heads, d // heads)
        self.ln1, self.qkv, self.proj = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ln2, self.fc1, self.fc2 = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def attend(self, q, k, v, mask):
        if hasattr(F, "scaled_dot_product_attention"):
            return F.scaled_dot_product_attention(q, k, v, is_causal=q.shape[2] > 1)
        scores = q @ k.mT * self.split[1]**-0.5
        if q.shape[2] > 1:
            scores = scores + mask[:q.shape[2], :q.shape[2]]
        return scores.softmax(-1) @ v

    def forward(self, x, mask, start, cache):
        n, t, d = x.shape
        q, k, v = (part.view(n, t, *self.split).transpose(1, 2) for part in self.qkv(self.ln1(x)).chunk(3, 2))
        if cache is not None:
            cache[0][:, :, start:start + t], cache[1][:, :, start:start + t] = k, v
            k, v = cache[0][:, :, :start + t], cache[1][:, :, :start + t]
        x = x + self.proj(self.attend(q, k, v, mask).transpose(1, 2).reshape(n, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))


class GPT(nn.Module):
    def __init__(self, d=256, heads=8, context=128, vocabulary=256, layers=4):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, d), nn.Embedding(context, d)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(layers))
        self.ln, self.head = nn.LayerNorm(d), nn.Linear(d, vocabulary, bias=False)
        self.register_buffer("mask", torch.ones(context, context).triu(1) * -1e38)

    def forward(self, ids, start=0, caches=None):
        x = self.tokens(ids) + self.places.weight[start:start + ids.shape[1]]
        for n, block in enumerate(self.blocks):
            x = block(x, self.mask, start, caches and caches[n])
        return self.head(self.ln(x))


class TreeLSTM(nn.Module):
    """Child-sum TreeLSTM: words at the leaves, one class for the root."""

    def __init__(self, h=150):
        super().__init__()
        self.words = nn.Embedding(1000, 300)
        self.leaf = nn.Linear(300, 3 * h)  # its bias is that of inner nodes too
        self.inner = nn.Linear(h, 3 * h, bias=False)
        self.forget = nn.Linear(h, h)
        self.classes = nn.Linear(h, 5)

    def node(self, tree, xs):
        if isinstance(tree, int):
            i, o, u = self.leaf(xs[tree]).chunk(3, 1)
            c = torch.sigmoid(i) * torch.tanh(u)
        else:
            (h1, c1), (h2, c2) = self.node(tree[0], xs), self.node(tree[1], xs)
            i, o, u = F.linear(h1 + h2, self.inner.weight, self.leaf.bias).chunk(3, 1)
            f = torch.sigmoid(self.forget(torch.cat((h1, h2))))
            c = torch.sigmoid(i) * torch.tanh(u) + f[0:1] * c1 + f[1:2] * c2
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, tree, ids):
        return self.classes(self.node(tree, self.words(ids).split(1))[0])


def random_tree(n, u):
    nodes = list(range(n))
    for x in u:
        k = int(x * (len(nodes) - 1))
        nodes[k] = (nodes[k], nodes.pop(k + 1))
    return nodes[0]


def register(add, peer):
    """Adds the workloads; peer has U, I, between, zeros, device, prepared and trainer."""

    def char_lstm():
        m = peer.prepared(CharLSTM())
        return peer.trainer(m, F.cross_entropy, peer.I(1, 65, 50, 50), peer.I(2, 65, 2500),
                            torch.optim.RMSprop(m.parameters(), 2e-3, alpha=0.95))

    def gpt():
        m = peer.prepared(GPT())
        optimizer = torch.optim.AdamW(m.parameters(), 3e-4, betas=(0.9, 0.95), weight_decay=0.1)
        return peer.trainer(lambda ids: m(ids).view(-1, 256), F.cross_entropy, peer.I(1, 256, 8, 128),
                            peer.I(2, 256, 1024), optimizer)

    def generate():
        m = peer.prepared(GPT())
        prompt = peer.I(1, 256, 1, 16)
        caches = [(peer.zeros(1, 8, 128, 32), peer.zeros(1, 8, 128, 32)) for _ in range(4)]

        def step():
            ids, start, made = prompt, 0, []
            with torch.inference_mode():
                while len(made) < 64:
                    logits = m(ids, start, caches)
                    start += ids.shape[1]
                    made.append(logits[0, -1].argmax().item())
                    ids = torch.tensor([[made[-1]]], device=peer.device)
            return torch.tensor(made)

        return step

    def tree_lstm():
        m = peer.prepared(TreeLSTM())
        optimizer = torch.optim.Adagrad(m.parameters(), 0.05)
        trees = [random_tree(20, peer.between(0.0, 1.0, 10 + j, 19).tolist()) for j in range(16)]
        ids, classes = peer.I(1, 1000, 16, 20), peer.I(2, 5, 16)

        def step():
            optimizer.zero_grad(set_to_none=True)
            total = 0.0
            for j, tree in enumerate(trees):
                loss = F.cross_entropy(m(tree, ids[j]), classes[j:j + 1]) / 16
                loss.backward()
                total = total + loss.detach()
            optimizer.step()
            return total

        return step

    add("train.char_lstm_unfused", char_lstm, "train", flop=3 * 50 * 50 * 2 * (2 * 4 * 512 * 1024 + 512 * 65))
    add("train.gpt_mini_b8", gpt, "train",
        flop=3 * 1024 * 2 * (4 * (12 * 256 * 256 + 2 * 128 * 256) + 256 * 256))
    add("train.treelstm_16x20", tree_lstm, "train")
    add("infer.gpt_generate64_b1", generate)
    add("memory.gpt_mini", gpt, "memory")
    add("memory.growth_treelstm", tree_lstm, "growth", steps=100)
