"""PyTorch's values of the layers of tests/nn/cases/attention.lua.

    python3 tests/nn/golden/attention.py
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from golden import case, rand, save


def forbidden(l, s):
    """Where query i must not see key j: the same rule is in cases/attention.lua."""
    return torch.tensor([[(3 * i + 2 * j) % 5 == 0 and i != j for j in range(s)] for i in range(l)])


def added(l, s):
    return torch.tensor([[((7 * i + 3 * j) % 5) / 2 for j in range(s)] for i in range(l)])


def padding(batch, s):
    """The last keys of every second sequence."""
    return torch.tensor([[b % 2 == 1 and j >= s - 2 for j in range(s)] for b in range(batch)])


def above(l):
    return torch.ones(l, l).triu(1) > 0


def calling(module, **options):
    """The module, called with these options; biases are not left at zero."""
    plain = module.forward
    module.forward = lambda *inputs: plain(*inputs, **options)
    for p in module.parameters():
        if p.dim() == 1:
            torch.nn.init.normal_(p, 0.5, 0.3)
    return module


def first(y):
    return y[0]


for name, options in {
    "sdpa": {},
    "sdpa causal": {"is_causal": True},
    "sdpa mask": {"attn_mask": ~forbidden(4, 5)},
    "sdpa added": {"attn_mask": added(4, 5)},
    "sdpa scale": {"scale": 0.7},
}.items():
    case(name, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options),
         rand(2, 3, 4, 6), rand(2, 3, 5, 6), rand(2, 3, 5, 2))
case("sdpa grouped", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
     rand(2, 4, 3, 6), rand(2, 2, 5, 6), rand(2, 2, 5, 6))


def mha(**options):
    return nn.MultiheadAttention(6, 3, **options)


case("mha self", calling(mha()), rand(4, 2, 6), rand(4, 2, 6), rand(4, 2, 6), output=first)
case("mha first", calling(mha(batch_first=True)), rand(2, 4, 6), rand(2, 5, 6), rand(2, 5, 6), output=first)
case("mha weights", calling(mha(batch_first=True)), rand(2, 4, 6), rand(2, 5, 6), rand(2, 5, 6),
     output=lambda y: y[1])
case("mha each", calling(mha(), average_attn_weights=False), rand(4, 2, 6), rand(5, 2, 6), rand(5, 2, 6),
     output=lambda y: y[1])
case("mha plain", calling(mha(bias=False)), rand(4, 2, 6), rand(5, 2, 6), rand(5, 2, 6), output=first)
case("mha sizes", calling(mha(kdim=3, vdim=5)), rand(4, 2, 6), rand(5, 2, 3), rand(5, 2, 5), output=first)
case("mha single", calling(mha()), rand(4, 6), rand(5, 6), rand(5, 6), output=first)
case("mha masked", calling(mha(), attn_mask=forbidden(4, 5), key_padding_mask=padding(2, 5)),
     rand(4, 2, 6), rand(5, 2, 6), rand(5, 2, 6), output=first)
case("mha padded", calling(mha(), key_padding_mask=padding(2, 5), need_weights=False),
     rand(4, 2, 6), rand(5, 2, 6), rand(5, 2, 6), output=first)
case("mha added", calling(mha(), attn_mask=added(4, 5).repeat(6, 1, 1), need_weights=False),
     rand(4, 2, 6), rand(5, 2, 6), rand(5, 2, 6), output=first)
case("mha causal", calling(mha(dropout=0.4), attn_mask=above(4), is_causal=True, need_weights=False),
     rand(4, 2, 6), rand(4, 2, 6), rand(4, 2, 6), output=first, train=False)

SMALL = {"dim_feedforward": 5, "dropout": 0.0}
for norm_first in (False, True):
    for batch_first in (False, True):
        shape = (2, 4, 6) if batch_first else (4, 2, 6)
        memory = (2, 3, 6) if batch_first else (3, 2, 6)
        options = dict(SMALL, norm_first=norm_first, batch_first=batch_first)
        tail = f"{' norm' if norm_first else ''}{' batch' if batch_first else ''}"
        case("encoder layer" + tail, calling(nn.TransformerEncoderLayer(6, 2, activation="gelu", **options),
             src_mask=forbidden(4, 4), src_key_padding_mask=padding(2, 4)), rand(*shape))
        case("decoder layer" + tail, calling(nn.TransformerDecoderLayer(6, 2, **options),
             tgt_mask=above(4), memory_key_padding_mask=padding(2, 3)), rand(*shape), rand(*memory))
case("encoder layer plain", calling(nn.TransformerEncoderLayer(6, 2, 5, 0.3, layer_norm_eps=1e-3, bias=False)),
     rand(4, 2, 6), train=False)


def layer(kind, **options):
    return kind(4, 2, **dict(SMALL, **options))


case("encoder", calling(nn.TransformerEncoder(layer(nn.TransformerEncoderLayer), 2, nn.LayerNorm(4),
     enable_nested_tensor=False), mask=above(3), is_causal=True), rand(3, 2, 4))
case("decoder", calling(nn.TransformerDecoder(layer(nn.TransformerDecoderLayer, batch_first=True), 2)),
     rand(2, 3, 4), rand(2, 2, 4))
case("transformer", calling(nn.Transformer(4, 2, 1, 1, 5, 0.0), tgt_mask=above(3),
     src_key_padding_mask=padding(2, 4), memory_key_padding_mask=padding(2, 4)), rand(4, 2, 4), rand(3, 2, 4))
save("attention")
