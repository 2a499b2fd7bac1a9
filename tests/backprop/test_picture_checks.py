"""What the checks of section 10 notice beside wrong numbers: pictures of other kinds, small probabilities, loans."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from backprop.checking.comparison import CheckFailed  # noqa: E402
from backprop.picture_checks import check_classify, check_preprocess, check_saliency  # noqa: E402
from backprop.pretrained import MEAN, STD  # noqa: E402


def prepared(image):
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)).convert("RGB"), dtype=np.float32) / 255
    return torch.tensor((pixels - np.float32(MEAN)) / np.float32(STD)).permute(2, 0, 1)[None]


def shrunk(image):
    image.thumbnail((256, 256))
    return prepared(image.convert("RGB"))


def test_a_picture_is_converted_first_and_left_alone(capsys):
    check_preprocess(lambda image: prepared(image.convert("RGB")))
    with pytest.raises(CheckFailed, match="For a picture with transparency other numbers come out"):
        check_preprocess(prepared)
    with pytest.raises(CheckFailed, match="For a picture with a palette other numbers come out"):
        check_preprocess(lambda image: prepared(image if image.mode == "P" else image.convert("RGB")))
    with pytest.raises(CheckFailed, match="X of all black"):
        check_preprocess(lambda image: prepared(image.convert("RGB")).clamp(-2, 2))
    with pytest.raises(CheckFailed, match="preprocess changed the picture itself"):
        check_preprocess(shrunk)


def named(model, image, idx2label, k=5, least=-1.0):
    model.eval()
    with torch.no_grad():
        top = model(prepared(image.convert("RGB")))[0].softmax(0).topk(k)
    return [(idx2label[i], p) for i, p in zip(top.indices.tolist(), top.values.tolist(), strict=True) if p > least]


def test_names_come_by_probability_and_as_many_as_asked_for(capsys):
    check_classify(named)
    with pytest.raises(CheckFailed, match="in this order; it says cat, owl, pen"):
        check_classify(lambda *given, k: sorted(named(*given, k)))
    with pytest.raises(CheckFailed, match="With k = 5 the most probable classes are owl, cat, pen, bus, fig"):
        check_classify(lambda *given, k: named(*given, k, least=0.01))
    with pytest.raises(CheckFailed, match="it says great grey_owl"):
        check_classify(lambda *given, k: [(name.split(",")[0], p) for name, p in named(*given, k)])
    with pytest.raises(CheckFailed, match="With k = 1"):
        check_classify(lambda *given, k: named(*given, k) if k > 1 else [*named(*given, k) * 2])


def test_the_picture_of_a_saliency_map_is_not_asked_for_gradients_of_its_own(capsys):
    def saliency(model, X, lent=False):
        X = X.requires_grad_() if lent else X.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(X)[0].max(), X)
        return gradient[0].abs().amax(dim=0)

    check_saliency(saliency)
    with pytest.raises(CheckFailed, match="X asks for gradients afterwards"):
        check_saliency(lambda model, X: saliency(model, X, lent=True))
