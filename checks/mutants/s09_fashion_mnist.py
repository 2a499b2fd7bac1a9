"""Wrong and right solutions of section 09: what its checks must catch, and what they must accept."""

from autograder.mutants import Exercise, Mutant, Variant

# -- FashionNet ---------------------------------------------------------------------------------------------------

FIRST = "X = self.block2(self.block1(X))  # (N, 64, 7, 7)"
LAST = "return self.scores(X.amax(dim=(2, 3)))  # each channel's largest value, then (N, 10)"
SCORES = "self.scores(X.amax(dim=(2, 3)))"
BLOCK4 = "self.block4 = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU())"


def net(init: str, forward: str) -> str:
    """A whole FashionNet with these lines in its two methods."""

    def lines(text: str) -> str:
        return "\n".join("        " + line for line in text.splitlines())

    return (
        "class FashionNet(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{lines(init)}\n\n    def forward(self, X):\n{lines(forward)}\n"
    )


TWO = "self.c1, self.c2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)\nself.fc = nn.Linear(16 * 5 * 5, 10)"
USE_TWO = (
    "X = nn.functional.max_pool2d(torch.relu(self.c1(X)), 2)\nX = nn.functional.max_pool2d(torch.relu(self.c2(X)), 2)\n"
)

net_mutants = [
    Mutant("softmax at the end", "activation_on_output", SCORES, SCORES + ".softmax(dim=1)"),
    Mutant("ReLU at the end", "activation_on_output", SCORES, f"torch.relu({SCORES})"),
    Mutant("sigmoid at the end", "activation_on_output", SCORES, f"torch.sigmoid({SCORES})"),
    Mutant("tanh at the end", "activation_on_output", SCORES, f"torch.tanh({SCORES})"),
    Mutant("class numbers for scores", "shape|activation_on_output", SCORES, SCORES + ".argmax(dim=1)"),
    Mutant("nine classes", "shape", "nn.Linear(128, 10)", "nn.Linear(128, 9)"),
    Mutant("transposed", "shape", SCORES, SCORES + ".T"),
    Mutant("an axis too many", "shape", SCORES, SCORES + "[None]"),
    Mutant("scores at every place", "shape", SCORES, "self.scores(X.movedim(1, -1))"),
    Mutant("returns nothing", "raises", LAST, "self.scores(X.amax(dim=(2, 3)))"),
    Mutant("one convolution", "missing", "", net(
        "self.c1, self.fc = nn.Conv2d(1, 8, 3), nn.Linear(8 * 26 * 26, 10)",
        "return self.fc(torch.relu(self.c1(X)).flatten(1))",
    )),
    Mutant("no convolution", "missing", "", net(
        "self.a, self.b = nn.Linear(784, 64), nn.Linear(64, 10)",
        "return self.b(torch.relu(self.a(X.flatten(1))))",
    )),
    Mutant("a layer is made and never used", "missing", BLOCK4, BLOCK4 + "\n        self.spare = nn.Linear(128, 10)"),
    Mutant("a block is left out in forward", "missing", "self.block4(self.block3(X))", "self.block3(X)"),
    Mutant("detached in the middle", "missing", FIRST, FIRST.replace("self.block1(X)", "self.block1(X).detach()")),
    Mutant("no graph", "zero", SCORES, SCORES + ".detach()"),
    Mutant("through numpy", "zero", SCORES, f"torch.tensor({SCORES}.detach().numpy())"),
    Mutant("under no_grad", "zero", "    def forward(self, X):", "    @torch.no_grad()\n    def forward(self, X):"),
    Mutant("frozen", "zero", BLOCK4, BLOCK4 + "\n        self.block4.requires_grad_(False)"),
    Mutant("layers made in forward", "stale", "", net(
        "self.fc = nn.Linear(16 * 5 * 5, 10)",
        USE_TWO.replace("self.c1", "nn.Conv2d(1, 8, 3)").replace("self.c2", "nn.Conv2d(8, 16, 3)")
        + "return self.fc(X.flatten(1))",
    )),
    Mutant("dropout while predicting too", "stale", SCORES, f"nn.functional.dropout({SCORES}, 0.5, True)"),
    Mutant("layers in a plain list", "zero|missing", "", net(
        TWO.replace("self.c1, self.c2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)\nself.fc =",
                    "self.all = [nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)]\nself.last =")
        .replace("self.last = nn.Linear(16 * 5 * 5, 10)", "self.all.append(nn.Linear(16 * 5 * 5, 10))"),
        USE_TWO.replace("self.c1", "self.all[0]").replace("self.c2", "self.all[1]")
        + "return self.all[2](X.flatten(1))",
    )),
    Mutant("pictures mixed by a reshape", "batch_axis", "", net(
        TWO, USE_TWO + "return self.fc(X.movedim(0, 1).reshape(X.shape[0], -1))"
    )),
    Mutant("normalised over the minibatch by hand", "batch_axis", FIRST, "X = X - X.mean(dim=0)\n        " + FIRST),
    Mutant("divided by its own spread", "nan", FIRST, "X = X / X.std(dim=(1, 2, 3), keepdim=True)\n        " + FIRST),
    Mutant("divided by its largest value", "nan", FIRST, "X = X / X.amax((1, 2, 3), True)\n        " + FIRST),
    Mutant("spread from 0 to 1", "nan", FIRST, "low, high = X.amin((1, 2, 3), True), X.amax((1, 2, 3), True)\n"
           "        X = (X - low) / (high - low)\n        " + FIRST),
    Mutant("its logarithm", "nan", FIRST, "X = torch.log(X)\n        " + FIRST),
    Mutant("pictures left out", "constant_loss", FIRST, "X = torch.zeros_like(X)\n        " + FIRST),
    Mutant("nan", "nan", SCORES, f"torch.log({SCORES} * 0 - 1)"),
    Mutant("wrong size of the linear layer", "raises", "nn.Linear(128, 10)", "nn.Linear(64, 10)"),
    Mutant("super() forgotten", "raises", "        super().__init__()\n", ""),
    Mutant("no module", "type", "", "def FashionNet():\n    return lambda X: torch.zeros(len(X), 10)\n"),
    Mutant("forward not written", "unfinished", FIRST, "raise NotImplementedError()"),
    Mutant("misspelt", "missing_name", "", "class FashionNett(nn.Module):\n    pass\n"),
    Mutant("asks for an argument", "raises", "def __init__(self):", "def __init__(self, width):"),
]  # fmt: skip

net_variants = [
    Variant("two convolutions and a linear layer", net(TWO, USE_TWO + "return self.fc(X.flatten(1))")),
    Variant("one Sequential", net(
        "self.all = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(6, 12, 5), nn.ReLU(),\n"
        "                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(192, 40), nn.ReLU(), nn.Linear(40, 10))",
        "return self.all(X)",
    )),
    Variant("dropout layers", net(
        TWO + "\nself.drop = nn.Dropout(0.5)", USE_TWO + "return self.fc(self.drop(X.flatten(1)))"
    )),
    Variant("dropout as a function", net(
        TWO, USE_TWO + "return self.fc(nn.functional.dropout(X.flatten(1), 0.3, self.training))"
    )),
    Variant("log-softmax", SCORES + ".log_softmax(dim=1)", SCORES),
    Variant("view and size", net(TWO, USE_TWO + "return self.fc(X.view(X.size(0), -1))")),
    Variant("a residual connection", "X = self.block3(X)\n        X = X + self.block4(X)",
            "X = self.block4(self.block3(X))"),
    Variant("rescales the pictures itself", "X = (X - 0.286) / 0.353\n        " + FIRST, FIRST),
    Variant("layers in a ModuleList", net(
        "self.convs = nn.ModuleList([nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)])\nself.fc = nn.Linear(400, 10)",
        "for conv in self.convs:\n    X = nn.functional.max_pool2d(torch.relu(conv(X)), 2)\n"
        "return self.fc(X.flatten(1))",
    )),
    Variant("GroupNorm and GELU", net(
        "self.c1, self.g1 = nn.Conv2d(1, 8, 3, stride=2), nn.GroupNorm(2, 8)\n"
        "self.c2, self.fc = nn.Conv2d(8, 16, 3, stride=2, bias=False), nn.Linear(576, 10)",
        "X = nn.functional.gelu(self.g1(self.c1(X)))\nreturn self.fc(nn.functional.gelu(self.c2(X)).flatten(1))",
    )),
    Variant("filters as parameters", net(
        "self.w1 = nn.Parameter(0.1 * torch.randn(8, 1, 3, 3))\n"
        "self.w2 = nn.Parameter(0.1 * torch.randn(16, 8, 3, 3))\n"
        "self.fc = nn.Linear(400, 10)",
        "for w in (self.w1, self.w2):\n    X = nn.functional.max_pool2d(torch.relu(nn.functional.conv2d(X, w)), 2)\n"
        "return self.fc(X.flatten(1))",
    )),
    Variant("prints its shapes", "print(X.shape)\n        " + FIRST, FIRST),
]  # fmt: skip

# -- train_epoch --------------------------------------------------------------------------------------------------

ZERO = "        optimizer.zero_grad()\n"
BACK, STEP = "        loss.backward()\n", "        optimizer.step()\n"
MOVE = "X, y = X.to(device), y.to(device)"
LOSS = "loss = nn.functional.cross_entropy(model(X), y)"
ADD, COUNT, MEAN = "total += loss.item() * len(y)", "count += len(y)", "return total / count"

epoch_mutants = [
    Mutant("zero_grad forgotten", "stale", ZERO, ""),
    Mutant("zero_grad once, before the loop", "stale", "",
           "def train_epoch(model, batches, optimizer, device):\n    model.train()\n    optimizer.zero_grad()\n"
           "    total = count = 0\n    for X, y in batches:\n        X, y = X.to(device), y.to(device)\n"
           "        loss = nn.functional.cross_entropy(model(X), y)\n        loss.backward()\n"
           "        optimizer.step()\n"
           "        total += loss.item() * len(y)\n        count += len(y)\n    return total / count\n"),
    Mutant("zero_grad between backward and step", "missing", ZERO + BACK, BACK + ZERO),
    Mutant("no step", "missing", STEP, ""),
    Mutant("no backward", "missing", BACK, ""),
    Mutant("one step after the loop", "missing_term", f"{STEP}        {ADD}\n        {COUNT}\n",
           f"        {ADD}\n        {COUNT}\n    optimizer.step()\n"),
    Mutant("one step after the loop, gradients added", "missing_term", "",
           "def train_epoch(model, batches, optimizer, device):\n    model.train()\n    optimizer.zero_grad()\n"
           "    losses = []\n    for X, y in batches:\n        X, y = X.to(device), y.to(device)\n"
           "        loss = nn.functional.cross_entropy(model(X), y)\n        loss.backward()\n"
           "        losses.append(loss.item())\n    optimizer.step()\n    return sum(losses) / len(losses)\n"),
    Mutant("returns inside the loop", "missing_term", "    " + MEAN, "        " + MEAN),
    Mutant("sum of the losses", "missing_mean", "(model(X), y)", "(model(X), y, reduction='sum')"),
    Mutant("softmax before cross_entropy", "wrong_loss", "model(X), y)", "model(X).softmax(dim=1), y)"),
    Mutant("train() forgotten", "train_mode", "    model.train()\n", ""),
    Mutant("eval() in its place", "train_mode", "model.train()", "model.eval()"),
    Mutant("X stays where it is", "device", MOVE, "y = y.to(device)"),
    Mutant("y stays where it is", "device", MOVE, "X = X.to(device)"),
    Mutant("nothing is moved", "device", MOVE, "pass"),
    Mutant("the loss keeps its graph", "type", f"{ADD}\n", "total = total + loss * len(y)\n"),
    Mutant("learning rate lowered", "in_place", "    " + MEAN,
           "    for group in optimizer.param_groups:\n        group['lr'] *= 0.9\n    " + MEAN),
    Mutant("learning rate lowered by a schedule", "in_place", "    " + MEAN,
           "    torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95).step()\n    " + MEAN),
    Mutant("momentum changed", "in_place", "    " + MEAN,
           "    optimizer.param_groups[0]['momentum'] = 0.9\n    " + MEAN),
    Mutant("weight decay added", "in_place", "    " + MEAN,
           "    optimizer.param_groups[0]['weight_decay'] = 0.01\n    " + MEAN),
    Mutant("momentum forgotten", "in_place", "    " + MEAN, "    optimizer.state.clear()\n    " + MEAN),
    Mutant("sum of the losses is returned", "missing_mean", MEAN, "return total"),
    Mutant("last loss is returned", "missing_term", MEAN, "return loss.item()"),
    Mutant("minibatch losses over pictures", "wrong_argument", ADD, "total += loss.item()"),
    Mutant("picture losses over minibatches", "wrong_argument", MEAN, "return total / len(batches)"),
    *(Mutant(f"rounded to {n} digits", "wrong_argument", MEAN, f"return round(total / count, {n})") for n in (2, 3, 4)),
    Mutant("the flag of the outer module alone", "train_mode", "model.train()", "model.training = True"),
    Mutant("the parts alone in training mode", "train_mode", "    model.train()\n",
           "    for part in model.children():\n        part.train()\n"),
    Mutant("nothing is returned", "none", MEAN, "pass"),
    Mutant("mean squared error", "", LOSS,
           "loss = ((model(X) - nn.functional.one_hot(y, model(X).shape[1])) ** 2).mean()"),
    Mutant("its own optimizer", "", "    model.train()\n",
           "    model.train()\n    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"),
    Mutant("two steps", "", STEP, STEP + STEP),
    Mutant("gradient clipped", "", STEP, "        nn.utils.clip_grad_value_(model.parameters(), 0.01)\n" + STEP),
    Mutant("not written", "unfinished", "    model.train()\n", "    raise NotImplementedError()\n"),
    Mutant("misspelt", "raises", "loss.backward()", "loss.backwards()"),
    Mutant("loss of a name that is not there", "raises", LOSS, "loss = criterion(model(X), y)"),
]  # fmt: skip

epoch_variants = [
    Variant("mean of the minibatches", "total += loss.item()\n        count += 1", f"{ADD}\n        {COUNT}"),
    Variant("criterion made first", "def train_epoch(net, loader, opt, dev):\n    criterion = nn.CrossEntropyLoss()\n"
            "    net.train()\n    losses = []\n    for inputs, labels in loader:\n        inputs = inputs.to(dev)\n"
            "        labels = labels.to(dev)\n        opt.zero_grad()\n        outputs = net(inputs)\n"
            "        loss = criterion(outputs, labels)\n        loss.backward()\n        opt.step()\n"
            "        losses.append(loss.item())\n    return np.mean(losses)\n"),
    Variant("zero_grad first thing", "for X, y in batches:\n        optimizer.zero_grad()", "for X, y in batches:"),
    Variant("zero_grad of the model", "        model.zero_grad()\n", ZERO),
    Variant("zero_grad after the step, and before the loop",
            "def train_epoch(model, batches, optimizer, device):\n    model.train(True)\n    optimizer.zero_grad()\n"
            "    total, n = 0.0, 0\n    for X, y in batches:\n        X, y = X.to(device), y.to(device)\n"
            "        loss = nn.functional.nll_loss(model(X).log_softmax(1), y)\n        loss.backward()\n"
            "        optimizer.step()\n        optimizer.zero_grad(set_to_none=False)\n"
            "        total += float(loss) * X.shape[0]\n        n += X.shape[0]\n    return total / n\n"),
    Variant("non-blocking", "X, y = X.to(device, non_blocking=True), y.to(device, non_blocking=True)", MOVE),
    Variant("device by keyword", "X, y = torch.as_tensor(X, device=device), y.to(device=device)", MOVE),
    Variant("enumerate", "for i, (X, y) in enumerate(batches):", "for X, y in batches:"),
    Variant("prints", "print(loss.item())\n        " + ADD, ADD),
    Variant("by hand", LOSS.replace("nn.functional.cross_entropy(model(X), y)",
                                    "-model(X).log_softmax(1)[torch.arange(len(y)), y].mean()"), LOSS),
    Variant("closure", "        optimizer.step(lambda: loss)\n", STEP),
]  # fmt: skip

# -- accuracy -----------------------------------------------------------------------------------------------------

WAS, EVAL, BACK_AGAIN = "    was_training = model.training\n", "    model.eval()\n", "    model.train(was_training)\n"
RIGHT = "right += (model(X).argmax(dim=1) == y).sum().item()"
SHARE = "return right / count"

accuracy_mutants = [
    Mutant("in percent", "factor", SHARE, "return 100 * right / count"),
    Mutant("the number of right ones", "missing_mean", SHARE, "return right"),
    Mutant("mean over the minibatches", "wrong_argument", f"{RIGHT}\n            {COUNT}",
           "right += (model(X).argmax(dim=1) == y).float().mean().item()\n            count += 1"),
    Mutant("the share of wrong ones", "wrong_argument", "argmax(dim=1) == y", "argmax(dim=1) != y"),
    Mutant("over the number of minibatches", "wrong_argument", COUNT, "count += 1"),
    Mutant("first minibatch only", "missing_term", "    model.train(was_training)\n    return right / count",
           "            break\n    model.train(was_training)\n    return right / count"),
    Mutant("last minibatch only", "missing_term|zero", f"{RIGHT}\n            {COUNT}",
           RIGHT.replace("+=", "=") + "\n            count = len(y)"),
    Mutant("wrong axis", "raises", "argmax(dim=1)", "argmax(dim=0)"),
    Mutant("scores compared with labels", "", "model(X).argmax(dim=1) == y", "model(X).amax(dim=1) == y"),
    Mutant("lowest score", "", "argmax(dim=1)", "argmin(dim=1)"),
    Mutant("eval() forgotten", "train_mode", EVAL, ""),
    Mutant("train() in its place", "train_mode", EVAL, "    model.train()\n"),
    Mutant("no_grad forgotten", "graph_kept", "with torch.no_grad():", "if True:"),
    Mutant("no_grad made and not used", "graph_kept", "with torch.no_grad():", "torch.no_grad()\n    if True:"),
    Mutant("gradients switched off for good", "graph_kept", "with torch.no_grad():",
           "torch.set_grad_enabled(False)\n    if True:"),
    Mutant("mode not put back", "in_place", BACK_AGAIN, ""),
    Mutant("always in training mode afterwards", "in_place", BACK_AGAIN, "    model.train()\n"),
    Mutant("whole-number division", "zero|dtype", SHARE, "return right // count"),
    Mutant("rounded", "", SHARE, "return round(right / count, 2)"),
    Mutant("the flag of the outer module alone", "train_mode", EVAL, "    model.training = False\n"),
    Mutant("the parts alone in eval mode", "train_mode", EVAL,
           "    for part in model.children():\n        part.eval()\n"),
    Mutant("the flag alone is put back", "in_place", BACK_AGAIN, "    model.training = was_training\n"),
    Mutant("a pass in training mode first", "in_place", EVAL,
           "    with torch.no_grad():\n        model.train()(next(iter(batches))[0].to(device))\n" + EVAL),
    Mutant("a last pass in training mode", "in_place", BACK_AGAIN,
           "    with torch.no_grad():\n        model.train()(X)\n" + BACK_AGAIN),
    Mutant("buffers are set to 0", "in_place", BACK_AGAIN,
           "    for buffer in model.buffers():\n        buffer.zero_()\n" + BACK_AGAIN),
    Mutant("nothing is returned", "none", SHARE, "pass"),
    Mutant("not written", "unfinished", WAS, "    raise NotImplementedError()\n"),
    Mutant("labels counted from 1", "", "== y)", "+ 1 == y)"),
    Mutant("misspelt", "raises", "argmax(dim=1)", "arg_max(dim=1)"),
]  # fmt: skip

accuracy_variants = [
    Variant("decorator", "def accuracy(model, batches, device):\n    before = model.training\n    model.eval()\n"
            "    with torch.inference_mode():\n"
            "        hits = [model(X.to(device)).argmax(1).eq(y.to(device)) for X, y in batches]\n"
            "    model.train(before)\n    return torch.cat(hits).float().mean().item()\n"),
    Variant("decorated with no_grad", "@torch.no_grad()\ndef accuracy(net, loader, dev):\n    mode = net.training\n"
            "    net.eval()\n    correct, total = 0, 0\n    for images, labels in loader:\n"
            "        images, labels = images.to(dev), labels.to(dev)\n"
            "        _, predicted = torch.max(net(images).data, 1)\n"
            "        total += labels.size(0)\n        correct += (predicted == labels).sum().item()\n"
            "    if mode:\n        net.train()\n    return correct / total\n"),
    Variant("a tensor of one number", "return torch.tensor(right / count)", SHARE),
    Variant("through numpy", "right += np.sum(model(X).cpu().numpy().argmax(axis=1) == y.cpu().numpy())", RIGHT),
    Variant("softmax first", RIGHT.replace("model(X)", "model(X).softmax(dim=1)"), RIGHT),
    Variant("topk", "right += (model(X).topk(1).indices[:, 0] == y).sum().item()", RIGHT),
    Variant("try and finally", f"    try:\n        {SHARE}\n    finally:\n    {BACK_AGAIN}",
            f"{BACK_AGAIN}    {SHARE}"),
    Variant("a sum of booleans", "right += int(sum(model(X).argmax(dim=1) == y))", RIGHT),
    Variant("prints and warns", "print('measuring'); import warnings; warnings.warn('slow')\n    " + SHARE, SHARE),
]  # fmt: skip

EXERCISES = [
    Exercise(
        "09-fashion-mnist/fashion_net_check",
        "fashion_net",
        net_mutants,
        net_variants,
        equivalent={
            "factor left out 1": "scores twice as large are scores of another network",
            "factor 3": "as factor left out 1",
            "term left out 1": "the picture alone, without its mirror image, is what most networks look at",
            "term left out 2": "the mirror image alone: another network, as good as untrained",
        },
    ),
    Exercise("09-fashion-mnist/train_epoch_check", "train_epoch", epoch_mutants, epoch_variants),
    Exercise("09-fashion-mnist/accuracy_check", "accuracy", accuracy_mutants, accuracy_variants),
]
