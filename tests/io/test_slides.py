"""Slides of every kind give the pixels that are asked for, and say what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_all.errors import ImageError
from napari_all.io.inputs import find_files, find_images
from napari_all.io.slides import content_sha256, is_slide, open_slide
from napari_all.project.create import create_project

RGB = np.random.default_rng(0).integers(0, 255, (300, 420, 3), np.uint8)


def pyramid(path: Path, rgb=RGB, **options) -> Path:
    with tifffile.TiffWriter(path) as tif:
        for step in (1, 2, 4):
            sub = {"subifds": 2} if step == 1 else {"subfiletype": 1}
            tif.write(rgb[::step, ::step], tile=(64, 64), metadata=None, **sub, **options)
    return path


def ome_zarr(path: Path, axes: str, zarr_format: int, unit: str | None = "micrometer") -> Path:
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    datasets = []
    for level, step in enumerate((1, 2)):
        small = RGB[::step, ::step]
        data = {"cyx": small.transpose(2, 0, 1), "yxc": small, "tczyx": small.transpose(2, 0, 1)[None, :, None]}[axes]
        group.create_array(str(level), data=np.ascontiguousarray(data), chunks=tuple(min(n, 100) for n in data.shape))
        factors = [{"y": 0.25 * step, "x": 0.5 * step}.get(a, 1.0) for a in axes]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": factors}]})
    named = [{"name": a, "type": "space" if a in "zyx" else "channel"} for a in axes]
    for axis in named:
        if unit and axis["name"] in "yx":
            axis["unit"] = unit
    facts = [{"axes": named, "datasets": datasets}]
    group.attrs.update(
        {"multiscales": facts} if zarr_format == 2 else {"ome": {"version": "0.5", "multiscales": facts}}
    )
    return path


def same_pixels(path: Path) -> None:
    with open_slide(path) as slide:
        assert slide.record.shape == (300, 420)
        assert slide.levels[1].shape == (150, 210)
        window = (slice(50, 131), slice(200, 400))
        np.testing.assert_array_equal(slide.levels[0][window], RGB[window])
        np.testing.assert_array_equal(slide.levels[1][slice(0, 9), slice(3, 9)], RGB[::2, ::2][:9, 3:9])


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_pyramids_in_tiff(tmp_path, compression):
    path = pyramid(tmp_path / "a.tif", photometric="rgb", compression=compression)
    assert is_slide(path)
    same_pixels(path)


def test_planar_colours(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as tif:
        for step in (1, 2):
            sub = {"subifds": 1, "metadata": {"axes": "SYX"}} if step == 1 else {"subfiletype": 1}
            data = np.ascontiguousarray(RGB[::step, ::step].transpose(2, 0, 1))
            tif.write(data, tile=(64, 64), photometric="rgb", planarconfig="separate", **sub)
    same_pixels(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("axes", ["cyx", "yxc", "tczyx"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_ome_zarr_of_both_formats(tmp_path, axes, zarr_format):
    path = ome_zarr(tmp_path / "a.zarr", axes, zarr_format)
    assert is_slide(path)
    same_pixels(path)
    with open_slide(path) as slide:
        assert slide.record.pixel_size_um == (0.25, 0.5)


def test_pixel_sizes(tmp_path):
    described = "Aperio Image Library v12\n300x420 |AppMag = 40|MPP = 0.2527|Left = 1"
    with open_slide(pyramid(tmp_path / "a.svs", photometric="rgb", description=described)) as slide:
        assert slide.record.pixel_size_um == (0.2527, 0.2527)
    with open_slide(ome_zarr(tmp_path / "b.zarr", "cyx", 2, unit=None)) as slide:
        assert slide.record.pixel_size_um is None


@pytest.mark.parametrize("most", [10**6, 50_000, 3_000])
def test_an_overview_is_small_and_knows_its_scale(tmp_path, most):
    with open_slide(pyramid(tmp_path / "a.tif", photometric="rgb")) as slide:
        small, scale = slide.overview(most)
    assert small.shape[0] * small.shape[1] <= most * 1.1
    assert small.shape[0] == pytest.approx(300 * scale, abs=1)
    step = round(1 / scale)
    np.testing.assert_array_equal(small, RGB[::step, ::step][: small.shape[0], : small.shape[1]])


def test_images_that_fit_into_memory_are_no_slides(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "folder").mkdir()
    assert not [name for name in ("a.tif", "b.png", "folder", "missing") if is_slide(tmp_path / name)]


def test_a_folder_gives_slides_and_not_the_insides_of_a_zarr(tmp_path):
    (tmp_path / "sub").mkdir()
    ome_zarr(tmp_path / "sub" / "a.zarr", "cyx", 2)
    pyramid(tmp_path / "b.svs", photometric="rgb")
    assert [image.name for image in find_images([tmp_path], slides=True)] == ["b.svs", "sub/a.zarr"]
    assert [image.name for image in find_images([tmp_path / "sub" / "a.zarr"], slides=True)] == ["a.zarr"]


def test_what_reads_whole_images_gets_no_slides(tmp_path):
    ome_zarr(tmp_path / "a.zarr", "cyx", 2)
    pyramid(tmp_path / "b.svs", photometric="rgb")
    Image.fromarray(RGB).save(tmp_path / "c.png")
    assert [image.name for image in find_images([tmp_path])] == ["c.png"]
    assert [file.name for file in find_files([tmp_path], "picture", [".png"])] == ["c.png"]
    assert create_project(tmp_path / "review", tmp_path, who="somebody").images == 1


def test_a_zarr_is_known_by_its_content(tmp_path):
    first, second = (ome_zarr(tmp_path / name, "cyx", 2) for name in ("a.zarr", "b.zarr"))
    assert content_sha256(first) == content_sha256(second)
    zarr.open_group(second, mode="a")["0"][0, 0, 0] = 77
    assert content_sha256(first) != content_sha256(second)


def test_what_cannot_be_read_says_why(tmp_path):
    for name, data, options, why in (
        ("grey.tif", RGB[..., 0], {"photometric": "minisblack"}, "red, green and blue"),
        ("deep.tif", RGB.astype(np.uint16), {"photometric": "rgb"}, "8 bits"),
    ):
        with pytest.raises(ImageError, match=why), open_slide(pyramid(tmp_path / name, data, **options)):
            pass
    whole = pyramid(tmp_path / "whole.tif", photometric="rgb").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ImageError, match=r"cut\.tif"), open_slide(tmp_path / "cut.tif"):
        pass
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    with pytest.raises(ImageError, match=r"empty\.zarr is no OME-Zarr"), open_slide(tmp_path / "empty.zarr"):
        pass
    with pytest.raises(ImageError, match="does not exist"), open_slide(tmp_path / "missing.tif"):
        pass


def test_damage_inside_is_told_where_it_is(tmp_path):
    path = ome_zarr(tmp_path / "a.zarr", "cyx", 2)
    chunk = next(p for p in sorted((path / "0").rglob("*")) if p.is_file() and p.name not in (".zarray", ".zattrs"))
    chunk.write_bytes(b"rubbish")
    with open_slide(path) as slide, pytest.raises(ImageError, match="damaged in rows"):
        slide.levels[0][slice(0, 300), slice(0, 420)]
