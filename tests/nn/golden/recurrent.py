"""PyTorch's values of the layers of tests/nn/cases/recurrent.lua.

    python3 tests/nn/golden/recurrent.py

Cases with "states" in their name have the output, the last states and the last c one behind the other.
"""
import torch
import torch.nn as nn
from golden import case, rand, save
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def first(y):
    return y[0]


def flat(y):
    if torch.is_tensor(y):
        return y.flatten()
    return torch.cat([flat(t) for t in y])


def with_state(base):
    """base with the states as arguments of their own."""

    class WithState(base):
        def forward(self, x, *state):
            return super().forward(x, state if "LSTM" in base.__name__ else state[0])

    return WithState


def packed(base, lengths, **options):
    class Packed(base):
        def forward(self, x, *state):
            state = (state if base is nn.LSTM else state[0]) if state else None
            y, last = super().forward(pack_padded_sequence(x, lengths, **options), state)
            return pad_packed_sequence(y)[0], last

    return Packed


for kind, base in (("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)):
    case(kind, base(3, 4), rand(5, 2, 3), output=first)
    case(kind + " deep", base(3, 4, num_layers=2, bidirectional=True, batch_first=True), rand(2, 5, 3),
         output=first)
    case(kind + " one sample", base(3, 4, bias=False), rand(5, 3), output=first)
    c = [rand(4, 2, 4)] if kind == "lstm" else []
    case(kind + " states", with_state(base)(3, 4, num_layers=2, bidirectional=True), rand(5, 2, 3),
         rand(4, 2, 4), *c, output=flat)
    c = [rand(2, 3, 4)] if kind == "lstm" else []
    case(kind + " packed states", packed(base, [5, 3, 2])(3, 4, bidirectional=True), rand(5, 3, 3),
         rand(2, 3, 4), *c, output=flat)
    case(kind + " unsorted states", packed(base, [2, 5, 3], enforce_sorted=False)(3, 4, bidirectional=True),
         rand(5, 3, 3), rand(2, 3, 4), *c, output=flat)
case("rnn relu", nn.RNN(3, 4, nonlinearity="relu"), rand(5, 2, 3), output=first)
case("lstm projected", nn.LSTM(3, 4, num_layers=2, proj_size=2), rand(5, 2, 3), output=first)
case("lstm projected states", with_state(nn.LSTM)(3, 4, proj_size=2, bidirectional=True), rand(5, 2, 3),
     rand(2, 2, 2), rand(2, 2, 4), output=flat)
case("lstm projected packed states", packed(nn.LSTM, [5, 3, 2])(3, 4, proj_size=2, bidirectional=True),
     rand(5, 3, 3), rand(2, 3, 2), rand(2, 3, 4), output=flat)
case("rnn cell", nn.RNNCell(3, 4), rand(2, 3), rand(2, 4))
case("rnn cell relu", nn.RNNCell(3, 4, nonlinearity="relu"), rand(2, 3), rand(2, 4))
case("gru cell", nn.GRUCell(3, 4), rand(2, 3), rand(2, 4))
case("lstm cell states", with_state(nn.LSTMCell)(3, 4), rand(2, 3), rand(2, 4), rand(2, 4), output=flat)
save("recurrent")
