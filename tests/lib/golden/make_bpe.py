"""Writes bpe.txt, bpe_vocab.json, bpe_merges.txt and bpe_ids.txt: a small text and what HuggingFace's
tokenizers make of it (byte-level BPE with the rule of GPT-2).

    pip install tokenizers && python3 tests/lib/golden/make_bpe.py
"""

import json
import os

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))

# Words that repeat, so that many pairs are equally frequent, and characters of all kinds.
TEXT = "".join(
    f"The {a} {b} isn't {c}{'!' * (i % 4)}  Wir'll  see:\n\t{a}{b} {i * 37} + {i}.\n"
    for i, (a, b, c) in enumerate(
        (a, b, c)
        for a in ("low", "lower", "größer", "新しい")
        for b in ("banana", "ananas", "мир", "naïve\u0301")
        for c in ("here", "there", "½ \u00a0 x", "😀😀")
    )
)

SAMPLES = [
    "", " ", "  ", "a", "lower banana", "  two  blanks ", "tabs\t\tand\n\nlines\n", "it's we've I'LL 'd'", "größer мир 新しい",
    "½² Ⅷ ٣٤", "x\u00a0y\u3000z\u2028", "naïve\u0301 e\u0301", "😀😀😀 👨\u200d👩", "under_score a-b", "\u0085\x0b\x0c\x1c\x1f .",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "'s's 'tt", " 's", "日本語 テスト", "\x00\x01\x7f", "banana" * 20,
]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.train_from_iterator(
    [TEXT],
    trainers.BpeTrainer(
        vocab_size=400,
        min_frequency=2,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    ),
)


def write(name, text):
    with open(os.path.join(here, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)


model = json.loads(tokenizer.to_str())["model"]
pairs = [pair if isinstance(pair, list) else pair.split(" ") for pair in model["merges"]]
write("bpe.txt", TEXT)
write("bpe_vocab.json", json.dumps(model["vocab"]))
write("bpe_merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))
write("bpe_ids.txt", "".join(s.encode("utf-8").hex() + ":" + " ".join(map(str, tokenizer.encode(s).ids)) + "\n" for s in SAMPLES))
