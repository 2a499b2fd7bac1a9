"""Networks that others have trained: weights from a folder, clear words without them, the stand-in and its pictures."""

import os
import shutil
import sys

import numpy as np
import pytest
import torchvision_shim

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from backprop import pretrained  # noqa: E402
from backprop.datasets import SHAPE_CLASSES, DataError, shapes_images  # noqa: E402
from backprop.drawn_pictures import drawn_pictures  # noqa: E402
from backprop.picture_checks import Slopes  # noqa: E402
from backprop.pixel_maps import shares, visible  # noqa: E402
from backprop.pretrained import MEAN, STD, Pretrained  # noqa: E402

HAS_TORCHVISION = torchvision_shim.declare()
needs_torchvision = pytest.mark.skipif(not HAS_TORCHVISION, reason="torchvision is not installed")
needs_data = pytest.mark.skipif(not os.environ.get("BACKPROP_DATA"), reason="BACKPROP_DATA is not set")


@pytest.fixture(scope="module")
def shapes_network():
    return pretrained.stand_in()


def prepared(image):
    """Image.resize and the formula, for comparison."""
    image = image.convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    X = np.asarray(image.crop((left, top, left + 224, top + 224))) / 255
    return torch.tensor(((X - MEAN) / STD).transpose(2, 0, 1)[None], dtype=torch.float32)


def test_the_stand_in_knows_shapes_that_it_was_not_fitted_to(shapes_network):
    images, labels = shapes_images(300, seed=321)
    X = (torch.tensor(images) - torch.tensor(MEAN)) / torch.tensor(STD)
    large = X.movedim(-1, 1).repeat_interleave(7, 2).repeat_interleave(7, 3)
    with torch.no_grad():
        scores = shapes_network.model(large)
    accuracy = (scores.argmax(1).numpy() == labels).mean()
    assert 0.55 < accuracy < 0.95, "right often enough to be shown right, and wrong often enough to be shown wrong"
    assert tuple(shapes_network.idx2label.values()) == SHAPE_CLASSES and not shapes_network.model.training


def test_the_stand_in_is_the_same_every_time():
    first, second = (pretrained.stand_in(pictures=300) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))


def test_the_stand_ins_samples_come_out_of_the_crop_as_they_were_drawn(shapes_network):
    samples = pretrained.sample_pictures(shapes_network, most=3)
    images, labels = shapes_images(3, seed=20)
    assert [name for name, _ in samples] == [SHAPE_CLASSES[label] for label in labels]
    middle = np.asarray(samples[0][1].crop((16, 16, 240, 240)))[::7, ::7] / 255
    assert np.abs(middle - images[0]).max() < 0.003


def test_pixels_have_a_gradient(shapes_network):
    X = torch.rand(1, 3, 224, 224, requires_grad=True)
    shapes_network.model(X).max().backward()
    assert X.grad.abs().max() > 0


@needs_torchvision
def test_without_network_and_weights_a_sentence_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("BACKPROP_DATA", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def no_network(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    with pytest.raises(DataError, match="BACKPROP_DATA"):
        pretrained.load_pretrained("squeezenet1_0")
    assert pretrained.load_pretrained_or_stand_in().name.startswith("a stand-in")
    assert "stands in for squeezenet1_0" in capsys.readouterr().out


@needs_torchvision
def test_an_unknown_network_is_named():
    with pytest.raises(DataError, match="no classifier 'squeezenet9'"):
        pretrained.load_pretrained("squeezenet9")


@needs_torchvision
def test_weights_of_another_network_are_refused(monkeypatch, tmp_path):
    from backprop.torch_weights import save_torch

    (tmp_path / "imagenet").mkdir()
    save_torch(torch.nn.Linear(2, 2), tmp_path / "imagenet" / "squeezenet1_0.safetensors")
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path))
    with pytest.raises(DataError, match="other layers"):
        pretrained.load_pretrained("squeezenet1_0")


def test_torchvision_that_cannot_be_loaded_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(DataError, match="torchvision can't be loaded"):
        pretrained.load_pretrained()


@needs_torchvision
@needs_data
@pytest.mark.data
def test_squeezenet_recognises_the_sample_photographs():
    network = pretrained.load_pretrained("squeezenet1_0")
    assert len(network.idx2label) == 1000 and network.idx2label[340] == "zebra"
    samples = pretrained.sample_pictures(network, most=12)
    with torch.no_grad():
        top = [network.model(prepared(image)).topk(5).indices[0].tolist() for _, image in samples]
    names = [[network.idx2label[i] for i in indices] for indices in top]
    right = sum(name in five for (name, _), five in zip(samples, names, strict=True))
    assert right >= 8 and any(name != five[0] for (name, _), five in zip(samples, names, strict=True))


def test_samples_are_drawn_ones_without_a_folder(monkeypatch):
    monkeypatch.delenv("BACKPROP_DATA", raising=False)
    network = Pretrained(torch.nn.Identity(), {}, "squeezenet1_0, trained on ImageNet")
    names = [name for name, _ in pretrained.sample_pictures(network)]
    assert names == [name for name, _ in drawn_pictures()] and 4 <= len(set(names)) == len(names) <= 6
    assert len(pretrained.sample_pictures(network, most=2)) == 2


def test_drawn_pictures_are_the_same_every_time_and_differ_from_each_other():
    once, again = drawn_pictures(), drawn_pictures()
    assert all(image.size == (256, 256) and image.mode == "RGB" for _, image in once)
    assert [image.tobytes() for _, image in once] == [image.tobytes() for _, image in again]
    assert len({image.tobytes() for _, image in once}) == len(once)


@needs_torchvision
@needs_data
@pytest.mark.data
def test_squeezenet_knows_some_of_the_drawn_pictures_and_not_all():
    network = pretrained.load_pretrained("squeezenet1_0")
    with torch.no_grad():
        top = [network.idx2label[network.model(prepared(image)).argmax().item()] for _, image in drawn_pictures()]
    right = [found == name for found, (name, _) in zip(top, drawn_pictures(), strict=True)]
    assert set(name for name, _ in drawn_pictures()) <= set(network.idx2label.values())
    assert sum(right) >= 3 and not all(right)


# ------------------------------------------------------------------------------------------------------- maps of pixels


def test_one_bright_pixel_does_not_leave_the_rest_of_a_map_in_the_dark():
    values = torch.zeros(224, 224)
    values[60:120, 60:120] = 1.0
    values[5, 5] = 500.0
    shown = visible(values)
    assert shown.shape == values.shape and shown.min() == 0 and shown.max() == 1
    assert shown[90, 90] > 0.3 and shown[200, 200] == 0
    assert (values / values.max())[90, 90] < 0.01  # what an unscaled map shows there


def test_a_flat_map_is_dark():
    assert torch.equal(visible(torch.full((40, 40), 3.0)), torch.zeros(40, 40))


def test_shares_of_a_linear_score_are_its_terms():
    class Linear(torch.nn.Module):
        def forward(self, X):
            return torch.stack([(X * weights).sum(dim=(1, 2, 3)), -(X * weights).sum(dim=(1, 2, 3)) - 100], dim=1)

    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(3, 20, 30, generator=generator)
    X = torch.randn(1, 3, 20, 30, generator=generator)
    kept = X.clone()
    terms = ((X - X.mean(dim=(2, 3), keepdim=True)) * weights).sum(dim=1)[0]
    torch.testing.assert_close(shares(Linear(), X), terms.abs())
    assert torch.equal(X, kept) and not X.requires_grad


def test_the_shares_of_the_stand_in_show_where_the_shape_is(shapes_network):
    images, labels = shapes_images(60, seed=77)
    frames = []
    for image, label in zip(images, labels, strict=True):
        if SHAPE_CLASSES[label] == "frame":
            large = Image.fromarray(np.round(255 * image).astype(np.uint8)).resize((256, 256), Image.NEAREST)
            frames.append(visible(shares(shapes_network.model, prepared(large)), 21))
    inner = torch.stack([found[40:184, 40:184].mean() for found in frames]).mean()
    outer = torch.stack([(found.sum() - found[40:184, 40:184].sum()) / (224**2 - 144**2) for found in frames]).mean()
    assert inner > 1.5 * outer


@pytest.mark.parametrize(("content", "words"), [(None, "is not here"), (b"no picture", "no picture that can be read")])
def test_a_picture_that_cannot_be_opened_is_named(tmp_path, content, words):
    path = tmp_path / "img1.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        pretrained.open_picture(path)


def test_a_picture_is_read(tmp_path):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    assert pretrained.open_picture(tmp_path / "a.png").size == (30, 20)
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("size", [(320, 240), (150, 200), (640, 480)])
def test_what_comes_out_of_even_slopes_is_what_resizing_gives(size):
    slopes = Slopes(*size, np.array([[30, 150, 40], [200, -120, -50], [60, 20, 130]]))
    got = prepared(Image.fromarray(slopes.pixels())).numpy()
    assert np.abs(got - slopes.prepared()).max() < 0.03


@needs_torchvision
def test_torchvisions_own_preparation_gives_the_same():
    from torchvision.models import SqueezeNet1_0_Weights

    slopes = Slopes(300, 200, np.array([[30, 150, 40], [200, -120, -50], [60, 20, 130]]))
    got = SqueezeNet1_0_Weights.DEFAULT.transforms()(Image.fromarray(slopes.pixels()))[None].numpy()
    assert np.abs(got - slopes.prepared()).max() < 0.03
