# %% [markdown]
# # 10 · A network that knows a thousand things, and your own pictures
#
# After this section you can
#
# * bring any picture into the form that a trained network expects, and say why each step is needed,
# * turn its scores into named predictions with probabilities,
# * show where such a network is right and where it is wrong, with pictures of your own,
# * (optional) run the gradient back to the *pixels* and see what the network looked at.

# %% [markdown]
# **Time** about an hour, no training. **Builds on** section 09: tensors of shape (N, C, H, W), eval mode.
# **Points** 10; the optional part is checked too but counts none.

# %% tags=["setup"]
# On Colab this installs the course library; elsewhere it is there already.
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course[torch]"')

# %%
import backprop.needs_torch  # where PyTorch is missing, says what to run

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image

from backprop.pixel_maps import shares, visible
from backprop.pretrained import MEAN, STD, load_pretrained_or_stand_in, open_picture, sample_pictures
from backprop.synthetic import shapes_images
from backprop.picture_checks import check_classify, check_preprocess, check_saliency

# %% [markdown]
# ## 1 · The network
#
# *ImageNet* is a collection of photographs; 1.2 million of them, of 1000 kinds of things, have been the standard test of
# vision since 2010. Training on them takes days, but the trained weights are public. `SqueezeNet` is one of the smallest
# such networks: 1.2 million numbers, 5 MB. You use it as it is.

# %% [markdown]
# Without torchvision or a network connection, a small network that knows ten drawn shapes stands in, and the cell says
# so. (Cells like this one are not run again when your notebook is graded; what they showed stays.)

# %% tags=["train"]
network = load_pretrained_or_stand_in("squeezenet1_0")
model, idx2label = network.model, network.idx2label
print(network.name)
learned = sum(parameter.numel() for parameter in model.parameters())
print(f"{learned:,} numbers, {len(idx2label)} classes, such as {idx2label[1]!r}")

# %% [markdown]
# ## 2 · What the network expects: `preprocess`
#
# A trained network is a function of *its* input: give it pictures of a different size, or values from 0 to 255, and what it
# says means nothing, without any error. Networks of ImageNet were trained on pictures made like this:

# %% tags=["show"]
drawn = np.clip(shapes_images(4, seed=9)[0][1], 0, 1)
wide = np.pad(drawn, [(4, 4), (16, 16), (0, 0)], mode="reflect").repeat(6, axis=0).repeat(6, axis=1)
photo = Image.fromarray((255 * wide).astype(np.uint8))
resized = photo.resize((round(256 * photo.width / photo.height), 256), Image.BILINEAR)
figure, axes = plt.subplots(1, 3, figsize=(9, 3), width_ratios=[1.6, 1.6, 1], layout="constrained")
axes[0].imshow(photo)
axes[0].set_title(f"any picture: {photo.width} × {photo.height}", fontsize=9)
axes[1].imshow(resized)
left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
axes[1].add_patch(plt.Rectangle((left, top), 224, 224, fill=False, edgecolor="w", lw=2))
axes[1].set_title(f"shorter side 256: {resized.width} × {resized.height}", fontsize=9)
axes[2].imshow(resized.crop((left, top, left + 224, top + 224)))
axes[2].set_title("the middle: 224 × 224", fontsize=9)
plt.show()


# %% [markdown]
# 1. red, green, blue: `image.convert("RGB")`, since a picture may be grey or have a fourth channel for transparency;
# 2. resized (bilinear), proportions kept, until the shorter side has 256 pixels: the filters know things in this size;
# 3. the 224 × 224 pixels in the middle, where the thing usually is;
# 4. numbers from 0 to 1, channels first, then *normalised*: minus `MEAN`, divided by `STD`, one number for every colour.

# %% [markdown]
# Step 4 gives every colour mean 0 and spread 1 over all of ImageNet: the scale that the weights were trained for.
#
# `image.width`, `image.height`, `image.resize((width, height), Image.BILINEAR)` and
# `image.crop((left, top, right, bottom))` do the first half; `np.asarray(image)` gives an array of shape (H, W, 3).

# %% nbgrader={"grade_id": "preprocess", "solution": true}
def preprocess(image):
    """The picture as a network of ImageNet expects it.

    image   : a PIL image of any size and mode
    returns : float32 tensor of shape (1, 3, 224, 224)

    >>> preprocess(Image.new("RGB", (300, 200), "white"))[0, :, 0, 0]      # white is 1: (1 - MEAN) / STD
    tensor([2.2489, 2.4286, 2.6400])
    """
    ### BEGIN SOLUTION
    image = image.convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    image = image.crop((left, top, left + 224, top + 224))
    X = torch.tensor(np.asarray(image)).movedim(-1, 0) / 255
    X = (X - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return X[None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "preprocess_check", "points": 3}
# Check your work, on drawn colours. Right code shows differences below 0.05: rounding to 256 levels.
check_preprocess(preprocess)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("10-imagenet/preprocess_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · Named predictions: `classify`
#
# The network gives one score per class. Softmax turns them into probabilities, as in section 07; then come the $k$
# largest with their names. Eval mode and `torch.no_grad()` as in section 09: this network contains dropout.
#
# Useful: `p.topk(k)` gives the k largest entries, in descending order, as `.values` and `.indices`; `.tolist()`
# makes numbers of them.

# %% nbgrader={"grade_id": "classify", "solution": true}
def classify(model, image, idx2label, k=5):
    """The k most probable classes, the most probable first, as pairs (name, probability).

    model     : nn.Module, (N, 3, 224, 224) -> scores of shape (N, C)
    image     : a PIL image, not preprocessed
    idx2label : dict from the number of a class to its name

    >>> classify(model, open_picture("zebra.jpg"), idx2label, k=2)
    [('zebra', 0.998), ('tiger', 0.001)]
    """
    ### BEGIN SOLUTION
    model.eval()
    with torch.no_grad():
        probabilities = model(preprocess(image)).softmax(dim=1)[0]
    top = probabilities.topk(k)
    return [(idx2label[i], p) for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "classify_check", "points": 3}
# Check your work: a little model whose scores are known. Right code shows differences below 1e-6.
check_classify(classify)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("10-imagenet/classify_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# Some pictures that are at hand: the right name in brackets, then what the network says. *Expected picture:* most names
# return in the first line below them, a few don't. (Without a folder of photographs these are six pictures drawn by code.
# For the network they are from another world: it knows photographs. Which of them does it know all the same? The
# stand-in gets twelve of its own drawn shapes.)

# %% tags=["train"]
def show(pictures, rows=3, columns=4):
    """Pictures with their names and the first two predictions."""
    size = (2.4 * columns, 2.9 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.ravel():
        ax.axis("off")
    for place, (name, image) in enumerate(pictures):
        ax = axes.ravel()[place]
        ax.imshow(image.convert("RGB"))
        lines = [f"{label[:22]} {p:.0%}" for label, p in classify(model, image, idx2label, k=2)]
        ax.set_title("\n".join([f"[{name[:22]}]", *lines]), fontsize=8)
    plt.show()


samples = sample_pictures(network)
show(samples, rows=-(-len(samples) // 4))

# %% [markdown]
# ## 4 · Your own pictures
#
# Find two: `img1`, for which the network says something reasonable, and `img2`, for which it does not, although it
# should: what is on it is among its classes. Photographs of your own are best. Put them beside the
# notebook, and hand them in with it. (Without any: two of `samples`, `img1 = samples[0][1]`.)

# %% [markdown]
# Networks err on unusual views, on things that are small, cut off or covered, on drawings, on several
# things at once, and where the background speaks for something else.

# %% tags=["train"] nbgrader={"grade_id": "own_pictures", "solution": true}
# img1 = open_picture("img1.jpg")
# img2 = open_picture("img2.jpg")
### BEGIN SOLUTION
right = [classify(model, image, idx2label, k=1)[0][0].lower() == name.lower() for name, image in samples]
img1 = samples[right.index(True)][1]
img2 = samples[right.index(False)][1]
### END SOLUTION

# %% tags=["train"]
for name, image in {"img1": img1, "img2": img2}.items():
    figure, (left, bars) = plt.subplots(1, 2, figsize=(8, 2.8))
    left.imshow(image.convert("RGB"))
    left.set_title(name)
    left.axis("off")
    predictions = classify(model, image, idx2label, k=5)[::-1]
    bars.barh([label[:30] for label, _ in predictions], [100 * p for _, p in predictions])
    bars.set_xlabel("probability in %")
    figure.tight_layout()
    plt.show()


# %% [markdown]
# *Expected picture:* for `img1` one long bar, or several of closely related classes; for `img2` a wrong name on top, with
# a long bar (the network is sure and wrong) or many short ones (it is at a loss).

# %% [markdown]
# ### Question 1 (4 points)
#
# 1. What is on your pictures, and what are the first predictions?
# 2. Why is `img2` taken for something else? What in it speaks for that class?
# 3. One experiment with `img2`: crop it, turn it, mirror it, cover a part. Does the result fit your answer?
# 4. The probabilities of all classes sum to 1. What does the network say to a thing that is none of them, and what is
#    its probability worth?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_own_pictures", "points": 4, "solution": true}
# ### BEGIN SOLUTION
# For example: `img1`, a tench: tench 100 %. `img2`, three egrets above and beside a blue lake, two of them on the wing:
# grey whale 52 %, American egret 44 %. Ripples up to the edge of the picture, and white wings that are spread like the
# flukes of a whale: so much for the whale. The egret that stands at the lower left speaks for the egret.
#
# With that one covered, grey whale rises to 97 %. The part around it alone gives American egret 98 %. Yet the mirror
# image of the whole picture is an American egret as well, with 93 %: the first answer was a close call, which does not
# take much to tip.
#
# Something that is none of the classes gets the name of one all the same, sometimes with a high probability: softmax
# distributes 100 % among the classes it has. It says how the evidence compares among these classes, *if* it is one of them.
#
# **Rubric** 1: both pictures shown above with their predictions, one reasonable and one not; 1: a reason that points to
# something in the picture; 1: an experiment with its result, related to the reason; 1: a class is always named;
# probability is relative to the 1000 classes.
# ### END SOLUTION

# %% [markdown]
# ## 5 · Optional: what did it look at? (no points)
#
# So far gradients went back to the weights. The same backward pass can go one step further, to the **pixels**:
#
# $$G = \frac{\partial\, s_c}{\partial X} \in \mathbb{R}^{3 \times H \times W} \qquad c = \arg\max_j s_j$$
#
# $|G|$ is large where a small change of a pixel changes the winning score most. Its largest value over the three colours,
# for each pixel, is the *saliency map*. Use the score $s_c$, not the probability: where that is near 1, softmax is flat.

# %% tags=["optional"] nbgrader={"grade_id": "saliency", "solution": true}
def saliency(model, X):
    """How much the highest score depends on each pixel: |∂s_c/∂X|, its largest value over the channels.

    model   : nn.Module, (1, 3, H, W) -> scores of shape (1, C)
    X       : tensor of shape (1, 3, H, W), as from preprocess; it is not changed
    returns : tensor of shape (H, W)

    >>> saliency(model, preprocess(img1)).shape
    torch.Size([224, 224])
    """
    ### BEGIN SOLUTION
    model.eval()
    X = X.detach().clone().requires_grad_()
    model(X)[0].max().backward()
    return X.grad[0].abs().amax(dim=0)
    ### END SOLUTION


# %% tags=["optional"] nbgrader={"grade": true, "grade_id": "saliency_check", "points": 0}
# Check your work: a little model whose gradient is known. Right code shows differences below 1e-6.
check_saliency(saliency)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("10-imagenet/saliency_check", globals())
### END HIDDEN TESTS

# %% tags=["train", "optional"]
figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
for row, image in zip(axes, [img1, img2]):
    X = preprocess(image)
    picture = X[0] * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    grain = saliency(model, X)
    maps = {"saliency, as it is": grain, "saliency, scaled": visible(grain), "shares": visible(shares(model, X), 21)}
    row[0].imshow(picture.movedim(0, -1).clip(0, 1))
    row[0].set_title(classify(model, image, idx2label, k=1)[0][0][:25], fontsize=9)
    for ax, (name, values) in zip(row[1:], maps.items()):
        ax.imshow(values, cmap="magma")
        ax.set_title(name, fontsize=9)
    for ax in row:
        ax.axis("off")
plt.show()

# %% [markdown]
# *As it is*, a few bright pixels leave the rest in the dark. *Scaled*: averaged over $15 \times 15$ pixels, and the highest
# hundredth shown alike. *Shares*: $\lvert G \cdot (X - \text{mean colour}) \rvert$, which is, to first order, what the score
# loses when a pixel takes the mean colour of the picture. (To first order: the gradient is the slope *here*.)

# %% [markdown]
# *Expected picture:* the scaled map is brighter on the thing that the network names than on the ground around it, and
# brightest along edges; the shares draw the thing itself. A bright spot far away from the thing is worth a second look.
# (The stand-in's filters are random: its saliency is blobs, some of them on the shape; its shares show the shape.)

# %% [markdown]
# ## What you have now
#
# * A trained network is a function with a precise input: size, order of the channels, scale, mean and spread.
# * Softmax over the classes it knows: something is always named, and a high probability is no promise.
# * Back-propagation does not stop at weights. Run to the pixels, it shows what a score depends on.

# %% [markdown]
# ## Go further
#
# * Compare with `load_pretrained_or_stand_in("resnet18")`, ten times as large: which of your pictures change sides?
# * *Occlusion*: cover a 32 × 32 square with grey, note the probability, move it on. The map of these numbers needs no
#   gradient, but how many forward passes?
# * Follow the gradient with small steps, `X = X + 0.01 * G.sign()`, for another class of your choice. After how
#   few steps does the network see it, and do you?
