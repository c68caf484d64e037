"""Writes the pictures of tests/lib/golden/images, with what Pillow reads from them, and those from which
fuzzing starts, tests/fuzz/corpus/image:

    python3 tests/lib/golden/make_images.py          (needs Pillow and NumPy)
"""
import io
import os

import numpy
from PIL import Image

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
GOLDEN = os.path.join(TOP, "tests", "lib", "golden", "images")
CORPUS = os.path.join(TOP, "tests", "fuzz", "corpus", "image")


def shades(channels, height=12, width=17):
    """Smooth values of 0 to 255, height x width x channels."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [127.5 + 127 * numpy.sin(0.2 * (k + 1) * x + 0.3 * y + k) for k in range(channels)]
    return numpy.stack(planes, axis=2).round().astype(numpy.uint8)


def encode(img, kind, **options):
    out = io.BytesIO()
    img.save(out, kind, **options)
    return out.getvalue()


def pictures():
    rgb, grey, rgba = (Image.fromarray(a) for a in (shades(3), shades(1)[:, :, 0], shades(4)))
    yield "rgb.png", encode(rgb, "PNG"), rgb
    yield "grey.png", encode(grey, "PNG"), grey
    yield "rgba.png", encode(rgba, "PNG"), rgba
    la = Image.fromarray(shades(2))
    yield "la.png", encode(la, "PNG"), la
    palette = rgb.quantize(8)
    yield "palette.png", encode(palette, "PNG"), palette.convert("RGB")
    bits = grey.point(lambda v: 255 * (v > 127)).convert("1")
    yield "bits.png", encode(bits, "PNG"), bits.convert("L")
    values = shades(1)[:, :, 0].astype(numpy.int64)
    wide = Image.fromarray((values * 257 - 3 * (values > 99)).astype(numpy.uint16))
    yield "grey16.png", encode(wide, "PNG"), wide
    for name, img, options in (("rgb.jpg", rgb, {"quality": 90}),
                               ("progressive.jpg", rgb, {"progressive": True, "quality": 60}),
                               ("grey.jpg", grey, {"quality": 50}),
                               ("cmyk.jpg", rgb.convert("CMYK"), {"quality": 90})):
        data = encode(img, "JPEG", **options)
        read = Image.open(io.BytesIO(data))
        yield name, data, read.convert("RGB") if read.mode == "CMYK" else read
    yield "rgb.ppm", encode(rgb, "PPM"), rgb
    yield "grey.pgm", encode(grey, "PPM"), grey


SEEDS = {
    "text.pgm": b"P2 # a comment\n3 2\n15\n0 1 2\n3 14 15\n",
    "text.ppm": b"P3\n2 1 255\n1 2 3 4 5 6\n",
    "wide.pgm": b"P5\n2 2\n65535\n\x00\x01\x02\x03\xff\xfe\x80\x00",
}


def main():
    for folder in (GOLDEN, CORPUS):
        os.makedirs(folder, exist_ok=True)
    for name, data, img in pictures():
        for folder in (GOLDEN, CORPUS):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        values = numpy.array(img)
        values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
        kind = numpy.int32 if values.dtype == numpy.uint16 else numpy.uint8
        numpy.save(os.path.join(GOLDEN, name + ".npy"), numpy.ascontiguousarray(values.astype(kind)))
    for name, data in SEEDS.items():
        with open(os.path.join(CORPUS, name), "wb") as f:
            f.write(data)


main()
