"""Damaged images of every kind end in one line that names them, whatever decoders make of them; or they are used."""

import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from cnn_study.data.decoding import size_of, square
from cnn_study.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (11, 13, 3), "uint8")
ORIENTATION = 0x0112


def exif(orientation=6):
    data = Image.Exif()
    data[ORIENTATION] = orientation
    data[0x010F] = "Somebody's camera"
    data[0x8769] = {0x9003: "2020:01:01 00:00:00", 0x829A: (1, 60)}
    return data.tobytes()


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(mode="RGB", form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, form, **options)
    return file.getvalue()


def text():
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "An image", zip=True)
    info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    return info


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def deep(color, channels):
    """A PNG of 16 bits a channel."""
    rows = b"".join(b"\0" + struct.pack(f">{8 * channels}H", *range(y, y + 8 * channels)) for y in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 16, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


DEEP = {"gray": deep(0, 1), "gray, alpha": deep(4, 2), "color": deep(2, 3), "color, alpha": deep(6, 4)}
WHOLE = {
    "PNG, 1 bit": saved("1"),
    "PNG, gray": saved("L"),
    "PNG, gray and alpha": saved("LA"),
    "PNG, palette": saved("P"),
    "PNG, palette with a clear color": saved("P", transparency=3),
    "PNG, palette with clear colors": saved("P", transparency=bytes(range(256))),
    "PNG, color": saved("RGB"),
    "PNG, color and alpha": saved("RGBA"),
    "PNG, with a profile": saved("RGB", icc_profile=PROFILE),
    "PNG, with EXIF": saved("RGB", exif=exif()),
    "PNG, with texts": saved("RGB", pnginfo=text()),
    "PNG, animated": saved("RGB", save_all=True, append_images=[Image.new("RGB", (13, 11))]),
    "JPEG, gray": saved("L", "JPEG"),
    "JPEG, color": saved("RGB", "JPEG"),
    "JPEG, for print": saved("CMYK", "JPEG"),
    "JPEG, progressive": saved("RGB", "JPEG", progressive=True),
    "JPEG, with a profile": saved("RGB", "JPEG", icc_profile=PROFILE),
    "JPEG, with EXIF": saved("RGB", "JPEG", exif=exif()),
    "JPEG, several pictures": saved("RGB", "MPO", save_all=True, append_images=[Image.new("RGB", (13, 11))]),
    **{f"PNG, 16 bits, {name}": content for name, content in DEEP.items()},
}


def flip(content, rng):
    for _ in range(rng.choice((1, 1, 2, 8))):
        content[rng.randrange(8, len(content))] = rng.randrange(256)


def flip_head(content, rng):
    for _ in range(rng.choice((1, 2, 4))):
        content[rng.randrange(2, min(64, len(content)))] = rng.randrange(256)


def cut(content, rng):
    del content[rng.randrange(2, len(content)) :]


def leave_out(content, rng):
    start = rng.randrange(2, len(content))
    del content[start : start + rng.randrange(1, 40)]


def insert(content, rng):
    start = rng.randrange(2, len(content))
    content[start:start] = rng.randbytes(rng.randrange(1, 40))


def extreme(content, rng):
    start = rng.randrange(2, len(content) - 4)
    content[start : start + 4] = struct.pack(">I", rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0xFFFF)))


def damaged(content, rng):
    """A whole image with a damage that no checksum of a PNG tells."""
    content = bytearray(content)
    rng.choice((flip, flip_head, cut, leave_out, insert, extreme))(content, rng)
    if content[:4] == b"\x89PNG" and rng.random() < 0.8:
        mend_checksums(content)
    return bytes(content)


def mend_checksums(content):
    place = 8
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = place + 8 + length
        if end + 4 > len(content):
            return
        struct.pack_into(">I", content, end, zlib.crc32(content[place + 4 : end]))
        place = end + 4


def check(path):
    """Whether an image is used; else it is refused in one line that names it, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            size_of(path)
            pixels = square(path, 4)
        except InputError as error:
            refusal = str(error)
        else:
            refusal = ""
    if refusal:
        assert refusal.startswith(f"{path} ")
        assert len(refusal.splitlines()) == 1
        return False
    assert pixels.dtype == np.uint8
    assert pixels.shape in {(4, 4), (4, 4, 3)}
    return True


def try_damaged(kind, number, path):
    rng = random.Random(kind)  # noqa: S311 - the same damages every time
    used = 0
    for _ in range(number):
        path.write_bytes(damaged(WHOLE[kind], rng))
        used += check(path)
    assert used < number


@pytest.mark.parametrize("kind", WHOLE)
def test_a_few_damaged_images_of_every_kind(kind, tmp_path):
    try_damaged(kind, 200, tmp_path / "image.png")


@pytest.mark.slow
@pytest.mark.parametrize("kind", WHOLE)
def test_many_damaged_images_of_every_kind(kind, tmp_path):
    try_damaged(kind, 5000, tmp_path / "image.png")


@pytest.mark.parametrize("kind", DEEP)
def test_more_than_8_bits_a_channel_are_refused_in_every_mode(kind, tmp_path):
    (tmp_path / "image.png").write_bytes(DEEP[kind])
    with pytest.raises(InputError, match=r"image\.png has more than 8 bits a channel: convert it"):
        square(tmp_path / "image.png", 8)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", [None, 0, *range(1, 9), 9, 99])
def test_images_are_set_upright(form, orientation, tmp_path):
    options = {} if orientation is None else {"exif": exif(orientation)}
    (tmp_path / "image").write_bytes(saved("RGB", form, **options))
    with Image.open(tmp_path / "image") as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    left, top = (upright.width - 11) // 2, (upright.height - 11) // 2
    expected = np.asarray(upright)[top : top + 11, left : left + 11]
    np.testing.assert_array_equal(square(tmp_path / "image", 11), expected)


def test_an_image_whose_exif_is_damaged_is_used_as_it_is(tmp_path):
    data = bytearray(exif(1))
    data[-40:] = b"\xff" * 40
    (tmp_path / "image.jpg").write_bytes(saved("RGB", "JPEG", exif=bytes(data)))
    assert check(tmp_path / "image.jpg")
