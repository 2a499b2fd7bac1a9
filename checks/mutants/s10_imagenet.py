"""Wrong and right solutions of section 10: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

# -- preprocess ---------------------------------------------------------------------------------------------------

RGB = 'image = image.convert("RGB")'
SCALE = "scale = 256 / min(image.size)"
RESIZE = "image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BILINEAR)"
PLACE = "left, top = (image.width - 224) // 2, (image.height - 224) // 2"
CROP = "image = image.crop((left, top, left + 224, top + 224))"
ARRAY = "X = torch.tensor(np.asarray(image)).movedim(-1, 0) / 255"
NORMAL = "X = (X - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]"
LESS, BY = " - torch.tensor(MEAN)[:, None, None]", " / torch.tensor(STD)[:, None, None]"

preprocess_mutants = [
    Mutant("values up to 255", "wrong_argument", " / 255", " / 1"),
    Mutant("divided by 255 twice", "", " / 255", " / 255 / 255"),
    Mutant("not normalised", "missing_term", "    " + NORMAL + "\n", ""),
    Mutant("neither divided nor normalised", "missing_term", f"{ARRAY}\n    {NORMAL}",
           "X = torch.tensor(np.asarray(image)).movedim(-1, 0).float()"),
    Mutant("mean left", "missing_term", LESS, ""),
    Mutant("mean added", "wrong_argument", LESS, LESS.replace(" - ", " + ")),
    Mutant("not divided by the deviation", "missing_chain_factor", BY, ""),
    Mutant("multiplied by the deviation", "wrong_argument", BY, BY.replace("/", "*")),
    Mutant("mean and deviation exchanged", "wrong_argument", NORMAL,
           NORMAL.replace("MEAN", "S").replace("STD", "MEAN").replace("(S)", "(STD)")),
    Mutant("one half for all", "wrong_argument", NORMAL, "X = (X - 0.5) / 0.5"),
    Mutant("blue first", "wrong_argument", "np.asarray(image)", "np.asarray(image)[:, :, ::-1].copy()"),
    Mutant("rows and columns exchanged", "transposed", ".movedim(-1, 0)", ".T"),
    Mutant("reshaped into channels first", "", ".movedim(-1, 0)", ".reshape(3, 224, 224)"),
    Mutant("channels last", "shape", "return X[None]", "return X[None].movedim(1, -1)"),
    Mutant("no axis for pictures", "shape", "return X[None]", "return X"),
    Mutant("squeezed to 224", "wrong_argument", f"{RESIZE}\n    {PLACE}\n    {CROP}",
           "image = image.resize((224, 224), Image.BILINEAR)"),
    Mutant("squeezed to 256", "wrong_argument", RESIZE, "image = image.resize((256, 256), Image.BILINEAR)"),
    Mutant("shorter side 224", "wrong_argument", SCALE, "scale = 224 / min(image.size)"),
    Mutant("longer side 256", "wrong_argument|shape", SCALE, "scale = 256 / max(image.size)"),
    Mutant("width 256", "wrong_argument|shape", SCALE, "scale = 256 / image.width"),
    Mutant("left top corner", "wrong_argument", PLACE, "left, top = 0, 0"),
    Mutant("not cropped", "shape", "    " + CROP + "\n", ""),
    Mutant("crop of 256", "shape", "left + 224, top + 224", "left + 256, top + 256"),
    Mutant("width and height exchanged", "", CROP, "image = image.crop((top, left, top + 224, left + 224))"),
    Mutant("mirrored", "", "np.asarray(image)", "np.asarray(image)[:, ::-1].copy()"),
    Mutant("upside down", "", "np.asarray(image)", "np.asarray(image)[::-1].copy()"),
    Mutant("converted at the end", "wrong_argument", f"{RGB}\n    {SCALE}\n    {RESIZE}",
           f"{SCALE}\n    {RESIZE}\n    {RGB}"),
    Mutant("palettes not converted", "wrong_argument", RGB,
           'image = image if image.mode == "P" else image.convert("RGB")'),
    Mutant("transparent pixels on white", "wrong_argument", RGB,
           'if image.mode == "RGBA":\n        white = Image.new("RGBA", image.size, "white")\n'
           "        image = Image.alpha_composite(white, image)\n"
           f"    {RGB}"),
    Mutant("transparent pixels on black", "wrong_argument", RGB,
           'if image.mode == "RGBA":\n        image = Image.composite(image, Image.new("RGBA", image.size), image)\n'
           f"    {RGB}"),
    Mutant("grey pictures are red", "wrong_argument", RGB,
           'if image.mode == "L":\n        none = Image.new("L", image.size)\n'
           '        image = Image.merge("RGB", (image, none, none))\n'
           f"    {RGB}"),
    Mutant("cut off at 2", "wrong_argument", "return X[None]", "return X[None].clamp(-2, 2)"),
    Mutant("cut off below", "wrong_argument", "return X[None]", "return X[None].clamp(min=-2)"),
    Mutant("cut off above", "wrong_argument", "return X[None]", "return X[None].clamp(max=2.5)"),
    Mutant("black is nearly black", "wrong_argument", ARRAY, ARRAY + "\n    X = X.clamp(0.02, 0.98)"),
    Mutant("thumbnail of the picture itself", "in_place", f"{RGB}\n    {SCALE}\n    {RESIZE}",
           'if image.mode != "RGB":\n        image = image.convert("RGB")\n'
           f"    {SCALE}\n    size = round(image.width * scale), round(image.height * scale)\n"
           "    image.thumbnail(size, Image.BILINEAR)\n    image = image.resize(size, Image.BILINEAR)"),
    Mutant("grey pictures stay grey", "raises|shape", "    " + RGB + "\n", ""),
    Mutant("an array comes back", "type", "return X[None]", "return X[None].numpy()"),
    Mutant("a picture comes back", "type", "return X[None]", "return image"),
    Mutant("float64", "dtype", "return X[None]", "return X[None].double()"),
    Mutant("whole numbers", "dtype", "return X[None]", "return X[None].int()"),
    Mutant("not written", "unfinished", RGB, "raise NotImplementedError()"),
    Mutant("returns nothing", "type", "return X[None]", "X[None]"),
    Mutant("axes of numpy used on a tensor", "raises", ".movedim(-1, 0)", ".transpose(2, 0, 1)"),
    Mutant("mean of the wrong shape", "raises", LESS, " - torch.tensor(MEAN)"),
]  # fmt: skip

preprocess_variants = [
    Variant("numpy all the way", "X = np.asarray(image, dtype=np.float32) / 255\n"
            "    X = (X - np.array(MEAN)) / np.array(STD)\n"
            "    X = torch.tensor(X.transpose(2, 0, 1), dtype=torch.float32)", f"{ARRAY}\n    {NORMAL}"),
    Variant("whole-number size", RESIZE.replace("round(", "int("), RESIZE),
    Variant("bicubic", RESIZE.replace("BILINEAR", "BICUBIC"), RESIZE),
    Variant("resized as a tensor", "X = torch.tensor(np.asarray(image)).permute(2, 0, 1)[None].float() / 255\n"
            "    X = torch.nn.functional.interpolate(X, scale_factor=256 / min(image.size), mode='bilinear',\n"
            "        antialias=True)[0]\n"
            "    top, left = (X.shape[1] - 224) // 2, (X.shape[2] - 224) // 2\n"
            "    X = X[:, top:top + 224, left:left + 224]",
            f"{SCALE}\n    {RESIZE}\n    {PLACE}\n    {CROP}\n    {ARRAY}"),
    Variant("crop after the tensor", "X = torch.tensor(np.array(image)).permute(2, 0, 1).float().div(255)\n"
            "    X = X[:, top : top + 224, left : left + 224]", f"{CROP}\n    {ARRAY}"),
    Variant("if and else", "if image.width < image.height:\n"
            "        size = (256, round(256 * image.height / image.width))\n"
            "    else:\n        size = (round(256 * image.width / image.height), 256)\n"
            "    image = image.resize(size, resample=2)", f"{SCALE}\n    {RESIZE}"),
    Variant("rounded places", "left, top = round((image.width - 224) / 2), round((image.height - 224) / 2)", PLACE),
    Variant("a loop over the colours", "for c in range(3):\n        X[c] = (X[c] - MEAN[c]) / STD[c]", NORMAL),
    Variant("unsqueeze and view", "mean = torch.tensor(MEAN).view(1, 3, 1, 1)\n"
            "    std = torch.tensor(STD).view(1, 3, 1, 1)\n"
            "    return (X.unsqueeze(0) - mean) / std", f"{NORMAL}\n    return X[None]"),
    Variant("prints", "print(image.size)\n    " + RGB, RGB),
]  # fmt: skip

# -- classify -----------------------------------------------------------------------------------------------------

EVAL = "    model.eval()\n"
GRAPH = "with torch.no_grad():"
SOFTMAX = "model(preprocess(image)).softmax(dim=1)[0]"
TOP = "top = probabilities.topk(k)"
PAIRS = "return [(idx2label[i], p) for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True)]"

classify_mutants = [
    Mutant("scores", "wrong_argument", ".softmax(dim=1)", ""),
    Mutant("log-softmax", "wrong_argument", ".softmax(", ".log_softmax("),
    Mutant("sigmoid", "wrong_argument", ".softmax(dim=1)", ".sigmoid()"),
    Mutant("softmax along the pictures", "wrong_argument", ".softmax(dim=1)", ".softmax(dim=0)"),
    Mutant("softmax of the largest only", "wrong_argument", f"{SOFTMAX}\n    {TOP}",
           "model(preprocess(image))[0]\n    top = probabilities.topk(k)\n    top = torch.return_types.topk("
           "(top.values.softmax(0), top.indices))"),
    Mutant("softmax twice", "wrong_argument", ".softmax(dim=1)", ".softmax(dim=1).softmax(dim=1)"),
    Mutant("not divided by the sum", "wrong_argument", ".softmax(dim=1)", ".exp()"),
    Mutant("below one percent left out", "shape", "strict=True)]", "strict=True) if p >= 0.01]"),
    Mutant("fewer than k where most are 0", "shape", "strict=True)]", "strict=True) if p >= 1e-3]"),
    Mutant("one name is no list", "raises", PAIRS, PAIRS.replace(".tolist()", ".squeeze().tolist()")),
    Mutant("one name by itself", "type", PAIRS, "pairs" + PAIRS.removeprefix("return")
           .replace("[", "= [", 1).replace("= =", "=") + "\n    return pairs if k > 1 else pairs[0]"),
    Mutant("draws into the picture", "in_place", "    model.eval()\n",
           "    model.eval()\n    image.putpixel((0, 0), (0, 0, 0))\n"),
    Mutant("in percent", "factor", "(idx2label[i], p)", "(idx2label[i], 100 * p)"),
    Mutant("smallest ones", "order", TOP, "top = probabilities.topk(k, largest=False)"),
    Mutant("ascending", "order", PAIRS, PAIRS + "[::-1]"),
    Mutant("by name", "order", PAIRS, PAIRS.replace("return ", "return sorted(") + ")"),
    Mutant("counted from 1", "wrong_argument|raises", "idx2label[i]", "idx2label[(i + 1) % len(idx2label)]"),
    Mutant("names up to the comma", "wrong_argument", "(idx2label[i], p)", "(idx2label[i].split(',')[0], p)"),
    Mutant("names up to the blank", "wrong_argument", "(idx2label[i], p)", "(idx2label[i].split()[0], p)"),
    Mutant("names in small letters", "wrong_argument", "(idx2label[i], p)", "(idx2label[i].lower(), p)"),
    Mutant("22 letters of a name", "wrong_argument", "(idx2label[i], p)", "(idx2label[i][:22], p)"),
    Mutant("blanks in names", "wrong_argument", "(idx2label[i], p)", "(idx2label[i].replace('_', ' '), p)"),
    Mutant("numbers for names", "type", "(idx2label[i], p)", "(i, p)"),
    Mutant("always five", "shape", TOP, "top = probabilities.topk(5)"),
    Mutant("one only", "shape", TOP, "top = probabilities.topk(1)"),
    Mutant("all of them", "shape", TOP, "top = probabilities.topk(len(probabilities))"),
    Mutant("eval() forgotten", "train_mode", EVAL, ""),
    Mutant("the flag of the outer module alone", "train_mode", "model.eval()", "model.training = False"),
    Mutant("train()", "train_mode", "model.eval()", "model.train()"),
    Mutant("no_grad forgotten", "graph_kept", GRAPH, "if True:"),
    Mutant("pairs the other way round", "type", "(idx2label[i], p)", "(p, idx2label[i])"),
    Mutant("names only", "type", "(idx2label[i], p)", "idx2label[i]"),
    Mutant("not preprocessed", "raises", "preprocess(image)", "image"),
    Mutant("scores of one picture short", "raises|shape", "preprocess(image))", "preprocess(image)[0])"),
    Mutant("nothing comes back", "type", "return [", "_ = ["),
    Mutant("not written", "unfinished", EVAL, "    raise NotImplementedError()\n"),
    Mutant("misspelt", "raises", "idx2label[i]", "idx_to_label[i]"),
]  # fmt: skip

classify_variants = [
    Variant("sorted by hand", "def classify(net, image, names, k=5):\n"
            "    net.eval()\n    with torch.no_grad():\n"
            "        out = net(preprocess(image))\n    p = torch.nn.functional.softmax(out, dim=1).squeeze().numpy()\n"
            "    best = np.argsort(p)[::-1][:k]\n    return [(names[int(i)], p[i]) for i in best]\n"),
    Variant("exp over sum", "model(preprocess(image))[0]\n"
            "    probabilities = (probabilities - probabilities.max()).exp()\n"
            "    probabilities = probabilities / probabilities.sum()", SOFTMAX),
    Variant("a tuple of lists", PAIRS.replace("return [(idx2label[i], p)", "return tuple([idx2label[i], p]")
            .replace("strict=True)]", "strict=True))"), PAIRS),
    Variant("tensors for probabilities", "return [(idx2label[i.item()], p) for p, i in zip(*top)]", PAIRS),
    Variant("a loop", "result = []\n    for j in range(k):\n"
            "        result.append((idx2label[int(top[1][j])], float(top[0][j])))\n"
            "    return result", PAIRS),
    Variant("sorted pairs", "every = [(label, probabilities[i].item()) for i, label in idx2label.items()]\n"
            "    return sorted(every, key=lambda pair: -pair[1])[:k]", f"{TOP}\n    {PAIRS}"),
    Variant("inference_mode", "with torch.inference_mode():", GRAPH),
    Variant("decorated", "@torch.no_grad()\ndef classify(model, image, idx2label, k=5):\n    model.train(False)\n"
            "    values, indices = torch.softmax(model(preprocess(image)), -1).topk(k, dim=-1)\n"
            "    return list(zip([idx2label[i.item()] for i in indices[0]], values[0].tolist()))\n"),
    Variant("its own preparation", "model(torch.tensor(np.asarray(image.convert('RGB').resize((224, 224))))"
            ".permute(2, 0, 1)[None] / 255).softmax(dim=1)[0]", SOFTMAX),
    Variant("prints", PAIRS.replace("return", "print('done')\n    return"), PAIRS),
]  # fmt: skip

# -- saliency -----------------------------------------------------------------------------------------------------

COPY = "X = X.detach().clone().requires_grad_()"
BACK = "model(X)[0].max().backward()"
MAP = "return X.grad[0].abs().amax(dim=0)"

saliency_mutants = [
    Mutant("no absolute value", "absolute|sign|wrong_argument", ".abs()", ""),
    Mutant("sum over the channels", "wrong_argument", ".amax(dim=0)", ".sum(dim=0)"),
    Mutant("mean over the channels", "wrong_argument", ".amax(dim=0)", ".mean(dim=0)"),
    Mutant("first channel", "wrong_argument", ".amax(dim=0)", "[0]"),
    Mutant("channels kept", "shape", ".amax(dim=0)", ""),
    Mutant("axis of pictures kept", "shape", "X.grad[0].abs().amax(dim=0)", "X.grad.abs().amax(dim=1)"),
    Mutant("all scores", "wrong_argument", ".max().backward()", ".sum().backward()"),
    Mutant("first class", "wrong_argument", "model(X)[0].max()", "model(X)[0, 0]"),
    Mutant("probability", "wrong_argument", "model(X)[0].max()", "model(X)[0].softmax(0).max()"),
    Mutant("logarithm of the probability", "", "model(X)[0].max()", "model(X)[0].log_softmax(0).max()"),
    Mutant("lowest score", "", "[0].max()", "[0].min()"),
    Mutant("times the pixels", "wrong_argument", "X.grad[0].abs()", "(X.grad * X).detach()[0].abs()"),
    Mutant("the pixels themselves", "", "X.grad[0].abs()", "X.detach()[0].abs()"),
    Mutant("no gradient asked for", "raises", ".requires_grad_()", ""),
    Mutant("largest absolute score", "", "model(X)[0].max()", "model(X)[0][model(X)[0].abs().argmax()]"),
    Mutant("X asks for a gradient afterwards", "in_place", f"{COPY}\n    {BACK}\n    {MAP}",
           "G, = torch.autograd.grad(model(X.requires_grad_())[0].max(), X)\n    return G[0].abs().amax(dim=0)"),
    Mutant("X itself", "stale|in_place", COPY, "X.requires_grad_()"),
    Mutant("scaled in place", "in_place", COPY, "X.mul_(1.5)\n    " + COPY),
    Mutant("backward forgotten", "raises", ".backward()", ""),
    Mutant("not written", "unfinished", "    model.eval()\n", "    raise NotImplementedError()\n"),
    Mutant("nothing comes back", "none|type", "return X.grad", "X.grad"),
]  # fmt: skip

saliency_variants = [
    Variant("autograd.grad", "scores = model(X)\n    G, = torch.autograd.grad(scores[0, scores.argmax()], X)\n"
            "    return G.abs()[0].max(dim=0).values", f"{BACK}\n    {MAP}"),
    Variant("an array", MAP + ".numpy()", MAP),
    Variant("one-hot upstream", "scores = model(X)\n    scores.backward(torch.nn.functional.one_hot(scores.argmax(1), "
            "scores.shape[1]).float())", BACK),
    Variant("a loop over the colours", "G = X.grad[0].abs()\n    out = G[0]\n    for channel in G[1:]:\n"
            "        out = torch.maximum(out, channel)\n    return out", MAP),
    Variant("a fresh tensor", "X = torch.tensor(X.numpy(), requires_grad=True)", COPY),
    Variant("the mode left as it is", "", "    model.eval()\n"),
    Variant("argmax", "scores = model(X)\n    scores[0, scores[0].argmax().item()].backward()", BACK),
]  # fmt: skip

EXERCISES = [
    # No mutants by rule: a division left out asks for a picture of a thousand megapixels, and for gigabytes of memory.
    Exercise("10-imagenet/preprocess_check", "preprocess", preprocess_mutants, preprocess_variants, generate=False),
    Exercise("10-imagenet/classify_check", "classify", classify_mutants, classify_variants),
    Exercise("10-imagenet/saliency_check", "saliency", saliency_mutants, saliency_variants),
]
