"""How large a picture is when it is decoded, from its header alone."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.codegen.kit.files import Upload, UploadRefused, check
from appliance.codegen.kit.pixels import MAX_PIXELS, size_of


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(5)


def gif(width, height):
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3)


def jpeg(width, height):
    comment = b"\xff\xfe" + struct.pack(">H", 6) + b"\xff\xc0ab"
    return b"\xff\xd8" + comment + b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 3) + bytes(9)


def webp(width, height):
    return b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


@pytest.mark.parametrize("kind", [png, gif, jpeg, webp])
def test_the_header_says_how_large_it_is(kind):
    assert size_of(kind(640, 481)) == (640, 481)


@pytest.mark.parametrize("kind", [png, jpeg, webp])
def test_a_small_file_that_unfolds_to_a_huge_picture_is_refused(kind):
    side = int(MAX_PIXELS**0.5)
    assert check(Upload("p", kind(side, side)), image=True).startswith("image/")
    with pytest.raises(UploadRefused, match="million pixels"):
        check(Upload("p", kind(60_000, 60_000)), image=True)


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF0000WEBP"]), st.binary(max_size=200))
def test_any_bytes_have_a_size_or_none(start, rest):
    found = size_of(start + rest)
    assert found is None or (len(found) == 2 and min(found) >= 0)
