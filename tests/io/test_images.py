"""Every readable kind of file becomes RGB uint8 by its stated rule; every other gets an error that helps."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.errors import ImageError
from napari_all.files import sha256_file
from napari_all.io.images import read_image


def smear(height: int = 40, width: int = 56) -> np.ndarray:
    """Pale field, a violet cell off the centre: no symmetry, so a wrong orientation shows."""
    y, x = np.mgrid[:height, :width]
    field = np.stack([230 - x, 215 - y, 225 - (x + y) // 2], axis=-1).astype(np.uint8)
    field[(y - 12) ** 2 + (x - 15) ** 2 < 80] = (96, 40, 140)
    return field


RGB = smear()
GREY = np.asarray(Image.fromarray(RGB).convert("L"))


def pil(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "misnamed.jpg"])
def test_rgb_is_read_unchanged(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(RGB).save(path, format="PNG" if name == "misnamed.jpg" else None)
    record, rgb = read_image(path)
    np.testing.assert_array_equal(rgb, RGB)
    assert rgb.dtype == np.uint8
    assert record.shape == (40, 56)
    assert record.sha256 == sha256_file(path)
    assert record.path == path


def test_jpeg_is_close(tmp_path: Path) -> None:
    _, rgb = read_image(pil(tmp_path / "a.jpg", RGB, quality=95, subsampling=0))
    assert np.abs(rgb.astype(int) - RGB).mean() < 3


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_grey_is_repeated(tmp_path: Path, name: str) -> None:
    _, rgb = read_image(pil(tmp_path / name, GREY))
    np.testing.assert_array_equal(rgb, np.stack([GREY] * 3, axis=-1))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_palette_is_looked_up(tmp_path: Path, name: str) -> None:
    image = Image.fromarray(RGB).quantize(32)
    image.save(tmp_path / name)
    _, rgb = read_image(tmp_path / name)
    np.testing.assert_array_equal(rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_one_bit_is_black_and_white(tmp_path: Path, name: str) -> None:
    mask = GREY > 150
    Image.fromarray(mask).save(tmp_path / name)
    _, rgb = read_image(tmp_path / name)
    np.testing.assert_array_equal(rgb[..., 1], np.where(mask, 255, 0))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_alpha_is_laid_on_white(tmp_path: Path, name: str) -> None:
    alpha = np.full(RGB.shape[:2], 255, np.uint8)
    alpha[:, :10], alpha[:, 10:20] = 0, 51
    _, rgb = read_image(pil(tmp_path / name, np.dstack([RGB, alpha])))
    assert (rgb[:, :10] == 255).all()
    np.testing.assert_array_equal(rgb[:, 20:], RGB[:, 20:])
    np.testing.assert_allclose(rgb[:, 10:20], RGB[:, 10:20] * 0.2 + 204, atol=1)


def test_premultiplied_alpha_of_tiff(tmp_path: Path) -> None:
    alpha = np.full(RGB.shape[:2], 128, np.uint8)
    stored = np.dstack([(RGB * (128 / 255)).round().astype(np.uint8), alpha])
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    _, rgb = read_image(tmp_path / "a.tif")
    np.testing.assert_allclose(rgb, RGB * (128 / 255) + 127, atol=2)


def test_transparent_palette_and_grey_alpha_are_laid_on_white(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).quantize(8)
    clear = int(np.asarray(image)[0, 0])
    image.save(tmp_path / "p.png", transparency=clear)
    _, rgb = read_image(tmp_path / "p.png")
    assert (rgb[np.asarray(image) == clear] == 255).all()
    assert (rgb[np.asarray(image) != clear] != 255).any()
    alpha = np.full_like(GREY, 255)
    alpha[:5] = 0
    Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)]).save(tmp_path / "la.png")
    _, rgb = read_image(tmp_path / "la.png")
    assert (rgb[:5] == 255).all()
    np.testing.assert_array_equal(rgb[5:, :, 0], GREY[5:])


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_becomes_rgb(tmp_path: Path, name: str) -> None:
    ink = Image.fromarray(RGB).convert("CMYK")
    ink.save(tmp_path / name, **({"quality": 98, "subsampling": 0} if name == "a.jpg" else {}))
    _, rgb = read_image(tmp_path / name)
    assert np.abs(rgb.astype(int) - RGB).mean() < 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_sixteen_bit_is_scaled_from_the_bits_in_use(tmp_path: Path, suffix: str, bits: int) -> None:
    stored = (RGB.astype(np.float64) * ((1 << bits) - 1) / 255).round().astype(np.uint16)
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        path.write_bytes(imagecodecs.png_encode(stored))
    else:
        tifffile.imwrite(path, stored, photometric="rgb")
    record, rgb = read_image(path)
    np.testing.assert_array_equal(rgb, RGB)
    assert f"{bits} significant bits" in record.source


def test_sixteen_bit_grey_png_and_alpha(tmp_path: Path) -> None:
    grey = GREY.astype(np.uint16) * 257
    (tmp_path / "g.png").write_bytes(imagecodecs.png_encode(grey))
    _, rgb = read_image(tmp_path / "g.png")
    np.testing.assert_array_equal(rgb[..., 2], GREY)
    alpha = np.full_like(grey, 65535)
    alpha[:7] = 0
    (tmp_path / "rgba.png").write_bytes(imagecodecs.png_encode(np.dstack([RGB.astype(np.uint16) * 257, alpha])))
    _, rgb = read_image(tmp_path / "rgba.png")
    assert (rgb[:7] == 255).all()
    np.testing.assert_array_equal(rgb[7:], RGB[7:])


def test_ome_declared_bits_win_over_the_largest_value(tmp_path: Path) -> None:
    dark = (RGB.astype(np.uint16) * 16) // 8  # of 12 bits, only 9 in use
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        dark,
        photometric="rgb",
        metadata={"axes": "YXS", "SignificantBits": 12},
    )
    _, rgb = read_image(tmp_path / "a.ome.tif")
    np.testing.assert_allclose(rgb, RGB / 8, atol=1)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "jpeg", "packbits"])
def test_compressed_tiffs(tmp_path: Path, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", compression=compression)
    _, rgb = read_image(tmp_path / "a.tif")
    assert np.abs(rgb.astype(int) - RGB).mean() < (3 if compression == "jpeg" else 1e-9)


def test_tiled_big_endian_bigtiff_with_white_zero(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", 255 - GREY, photometric="miniswhite", tile=(16, 16), byteorder=">", bigtiff=True
    )
    _, rgb = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(rgb[..., 0], GREY)


def test_planar_and_channel_first_rgb(tmp_path: Path) -> None:
    planes = np.moveaxis(RGB, -1, 0)
    tifffile.imwrite(tmp_path / "planar.tif", planes, photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "cyx.ome.tif", planes, photometric="minisblack", metadata={"axes": "CYX"}, ome=True)
    for name in ("planar.tif", "cyx.ome.tif"):
        _, rgb = read_image(tmp_path / name)
        np.testing.assert_array_equal(rgb, RGB)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = Image.fromarray(RGB)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, np.asarray(stored), photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(path, exif=exif, **({"quality": 95, "subsampling": 0} if suffix == "jpg" else {}))
    record, rgb = read_image(path)
    assert record.shape == (40, 56)
    assert np.abs(rgb.astype(int) - RGB).mean() < 3


def test_pixel_size_from_ome_imagej_and_resolution_tags(tmp_path: Path) -> None:
    ome = {"axes": "YXS", "PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 200,
           "PhysicalSizeYUnit": "nm"}  # fmt: skip
    tifffile.imwrite(tmp_path / "ome.ome.tif", RGB, photometric="rgb", metadata=ome)
    tifffile.imwrite(tmp_path / "imagej.tif", GREY, imagej=True, resolution=(10, 5), metadata={"unit": "micron"})
    tifffile.imwrite(tmp_path / "tags.tif", RGB, photometric="rgb", resolution=(1e5, 5e4), resolutionunit="CENTIMETER")
    for name in ("ome.ome.tif", "imagej.tif", "tags.tif"):
        assert read_image(tmp_path / name)[0].pixel_size_um == pytest.approx((0.2, 0.1)), name


def test_pixel_size_from_png_and_turned_with_the_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = pil(tmp_path / "a.png", RGB, dpi=(25400 / 0.1, 25400 / 0.25), exif=exif)
    assert read_image(path)[0].pixel_size_um == pytest.approx((0.1, 0.25), rel=1e-3)


@pytest.mark.parametrize("dpi", [72, 96, 300, 1200])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_print_resolutions_are_no_pixel_size(tmp_path: Path, suffix: str, dpi: int) -> None:
    assert read_image(pil(tmp_path / f"a.{suffix}", RGB, dpi=(dpi, dpi)))[0].pixel_size_um is None


def refused(path: Path, *words: str, **options: int) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert str(path.parent) not in message
    for word in words:
        assert word in message


def test_missing_folder_empty_and_foreign_files(tmp_path: Path) -> None:
    refused(tmp_path / "none.png", "check the path")
    refused(tmp_path, "cannot open")
    (tmp_path / "empty.png").touch()
    refused(tmp_path / "empty.png", "empty file")
    (tmp_path / "notes.png").write_text("patient list")
    refused(tmp_path / "notes.png", "supported kind", "convert")
    Image.fromarray(RGB).save(tmp_path / "a.gif")
    refused(tmp_path / "a.gif", "supported kind")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "deflate.tif", "lzw.tif", "16.png"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
def test_truncated_files(tmp_path: Path, name: str, kept: float) -> None:
    path = tmp_path / name
    noisy = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    if name in ("deflate.tif", "lzw.tif"):
        compression = "zlib" if name == "deflate.tif" else "lzw"
        tifffile.imwrite(path, noisy, photometric="rgb", compression=compression)
    elif name == "16.png":
        path.write_bytes(imagecodecs.png_encode(noisy.astype(np.uint16) * 257))
    else:
        Image.fromarray(noisy).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: max(30, int(len(content) * kept))])
    refused(path, "copy it again")


def test_tiff_that_lost_its_last_bytes_is_no_black_image(tmp_path: Path) -> None:
    path = pil(tmp_path / "a.tif", RGB, compression="tiff_lzw")  # Pillow writes the depth of colours last
    path.write_bytes(path.read_bytes()[:-2])
    refused(path, "truncated", "copy it again")


def test_damaged_png_body(tmp_path: Path) -> None:
    path = pil(tmp_path / "a.png", RGB)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refused(path, "damaged")


def test_stacks_pages_and_animations(tmp_path: Path) -> None:
    stack = np.stack([GREY] * 3)
    tifffile.imwrite(tmp_path / "z.tif", stack, photometric="minisblack")
    refused(tmp_path / "z.tif", "stack", "ImageJ")
    tifffile.imwrite(tmp_path / "hyper.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    refused(tmp_path / "hyper.tif", "stack")
    tifffile.imwrite(tmp_path / "t.ome.tif", stack, photometric="minisblack", metadata={"axes": "TYX"})
    refused(tmp_path / "t.ome.tif", "stack")
    with tifffile.TiffWriter(tmp_path / "pages.tif") as tif:
        tif.write(RGB, photometric="rgb")
        tif.write(GREY[:20], photometric="minisblack")
    refused(tmp_path / "pages.tif", "2 images")
    tifffile.imwrite(tmp_path / "two.ome.tif", stack[:2], photometric="minisblack", metadata={"axes": "CYX"})
    refused(tmp_path / "two.ome.tif", "2 separate channels")
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    refused(tmp_path / "a.png", "animation of 2 frames")


def test_thumbnail_page_does_not_make_a_stack(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(RGB, photometric="rgb")
        tif.write(RGB[::4, ::4], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[1], RGB)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32, np.uint32])
def test_pixels_without_a_scale_are_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(dtype), photometric="minisblack")
    refused(tmp_path / "a.tif", np.dtype(dtype).name, "8-bit")


def test_pixel_limit_is_checked_before_decoding(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "bomb.png").write_bytes(bomb + struct.pack(">I", 10**6) + b"IDAT" + b"\0" * 64)
    refused(tmp_path / "bomb.png", "60000 x 50000", "over the limit", "raise the limit")
    for name in ("a.png", "a.jpg", "a.bmp", "a.tif"):
        pil(tmp_path / name, RGB)
        refused(tmp_path / name, "over the limit of 2,239", max_pixels=40 * 56 - 1)
        assert read_image(tmp_path / name, max_pixels=40 * 56)[1].shape == RGB.shape


def test_real_fields_are_read(data_dir: Path) -> None:
    paths = [next((data_dir / folder).iterdir()) for folder in ("other-labs/attri", "wbc-zheng/dataset1/images")]
    for path in paths:
        record, rgb = read_image(path)
        assert rgb.shape == (*record.shape, 3)
        assert np.ptp(rgb) > 50
