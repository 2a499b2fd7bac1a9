# %% [markdown]
# # 09 · A convolutional network for pictures of clothes
#
# After this section you can
#
# * let PyTorch do the backward pass, and say what it does there, since you have written all of it yourself,
# * build a *convolutional* network and know the shape of the data after each layer,
# * write a training loop and an honest measurement, without the classic slips,
# * train on a GPU when there is one, and report how well your network works.

# %% [markdown]
# **Time** about 2 hours, and beside them the training: 24 epochs of our own network took 36 minutes on one thread of a
# CPU; a GPU, such as the free one of Colab, is far quicker. **Builds on** section 08: minibatches, softmax loss, training
# and validation pictures. **Points** 30.

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
from torch import nn

from backprop.clothes import clothes_images, load_fashion_mnist_or_drawn
from backprop.datasets import FASHION_CLASSES
from backprop.gradcheck import check_values
from backprop.plots import plot_learning_curves
from backprop.torch_batches import TensorBatches, fast_arithmetic, shifted_and_flipped
from backprop.torch_checks import check_accuracy, check_network, check_train_epoch
from backprop.torch_weights import load_torch, read_notes, save_torch

# %% [markdown]
# ## 1 · The same network, the same numbers
#
# A *tensor* is PyTorch's array. One made with `requires_grad=True` remembers every operation it takes part in: the
# computation graph, built while the forward pass runs. `backward()` on the result walks that graph in reverse order and
# *adds* to the attribute `.grad` of each such tensor, as your nodes added to `d_out`.
#
# Here is the small network of section 03, whose gradients you found by hand:

# %%
x, y = torch.tensor(10.0), torch.tensor(199.0)
W0 = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
W1 = torch.tensor([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0], [3.0, 4.0, 1.0]], requires_grad=True)
W2 = torch.tensor([1.0, 3.0, -3.0], requires_grad=True)

loss = (W2 @ torch.relu(W1 @ torch.relu(W0 * x)) - y) ** 2
loss.backward()

by_hand = {
    "∂J/∂W0": [-420, 80, 220],
    "∂J/∂W1": [[20, 40, 60], [60, 120, 180], [-60, -120, -180]],
    "∂J/∂W2": [520, 240, 280],
}
by_pytorch = {"∂J/∂W0": W0.grad, "∂J/∂W1": W1.grad, "∂J/∂W2": W2.grad}
check_values("PyTorch against the numbers of section 03", by_pytorch, by_hand)

# %% [markdown]
# Here the thread of the course ends: one small network, the same numbers in every language.
#
# | section | the network as | what agreed |
# |---|---|---|
# | 03 | nine functions, written by hand | all three gradients |
# | 04 | nodes of a graph, its last layer | $W_2$: 520, 240, 280 |
# | 05 | whole layers, chained | all three gradients |
# | 08 | layers for batches, from $h_0$ on | $W_1$ and $W_2$ |
# | 09 | PyTorch | all three, in two lines |

# %% [markdown]
# Call `backward()` again without setting the gradients to zero, and they *add up*: this is `+=`, and the reason for
# `zero_grad()` in every training loop.

# %% tags=["show"]
again = (W2 @ torch.relu(W1 @ torch.relu(W0 * x)) - y) ** 2
again.backward()
print("after one backward(): [520, 240, 280]      after two:", W2.grad.tolist())

# %% [markdown]
# ## 2 · What a convolution does
#
# A fully connected layer on a picture gives each pixel a weight of its own: it has to learn the same edge again at each
# place. A *convolution* has a small window of weights, the *filter*, here $3 \times 3$. It slides over the picture; at
# each place the nine pixels under it are multiplied by the nine weights and summed:
#
# $$\text{out}[i, j] = b + \sum_{a=0}^{2} \sum_{c=0}^{2} w[a, c] \cdot \text{in}[i + a, j + c]$$

# %% [markdown]
# For example, let each row of the filter be $(-1, 0, 1)$. Where three rows of the picture read $0, 0, 1$ (dark on the left,
# bright on the right) it gives $3 \cdot 1 = 3$; where they read $1, 1, 0$ it gives $-3$; on an even ground it gives 0.
#
# The same nine weights serve every place, so their gradient is a **sum over all places**: once more `+=`.

# %% tags=["show"]
picture = torch.tensor(clothes_images(40, seed=5)[0][[34, 9]])
left, upper, blur = [[-1, 0, 1]] * 3, [[-1] * 3, [0] * 3, [1] * 3], [[1 / 9] * 3] * 3
filters = {"left edges": left, "upper edges": upper, "blur": blur}
figure, axes = plt.subplots(2, 4, figsize=(8, 4))
axes[0, 0].set_title("picture", fontsize=9)
for row in range(2):
    axes[row, 0].imshow(picture[row, 0], cmap="gray")
    for column, (name, weights) in enumerate(filters.items(), 1):
        out = nn.functional.conv2d(picture[row][None], torch.tensor(weights).float()[None, None])
        axes[row, column].imshow(out[0, 0], cmap="gray")
        axes[0, column].set_title(name, fontsize=9)
for ax in axes.ravel():
    ax.axis("off")
plt.show()

# %% [markdown]
# *Expected picture:* left, drawn pieces of clothing; then what three hand-made filters give. The first two turn edges in
# one direction white, in the other black, and even grounds grey; the third takes means. A network *learns* its filters: a layer has many of them, and each looks at all outputs (*channels*) of the
# layer before.
#
# PyTorch keeps pictures as tensors of shape (N, C, H, W): pictures, channels, height, width.

# %% [markdown]
# | layer | turns (N, C, H, W) into | numbers to learn |
# |---|---|---|
# | `nn.Conv2d(C, K, 3, padding=1)` | (N, K, H, W): K filters, zeros around the picture | $9CK + K$ |
# | `nn.BatchNorm2d(K)` | same shape: each channel gets mean 0, spread 1, then a learned scale and shift | $2K$ |
# | `nn.ReLU()` | same shape: negative values become 0 | none |
# | `nn.MaxPool2d(2)` | (N, C, H/2, W/2): the largest of each 2×2 square | none |
# | `nn.Dropout(p)` | same shape: while training, a random share p set to 0 | none |
# | `nn.Flatten()` | (N, C·H·W) | none |
# | `nn.Linear(D, M)` | from (N, D): (N, M), your `fc` layer | $DM + M$ |
#
# `BatchNorm2d` and `Dropout` behave differently while training and while predicting: `net.train()` and `net.eval()` set
# the mode.

# %% [markdown]
# A walk through five layers, with the shape after each. `Linear` wants to know how many numbers arrive: 8 channels of
# $14 \times 14$ pixels.

# %% tags=["show"]
X = torch.zeros(5, 1, 28, 28)
print(f"{'five pictures':15}", tuple(X.shape))
walk = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 14 * 14, 10)]
for layer in walk:
    X = layer(X)
    print(f"{type(layer).__name__:15}", tuple(X.shape))


# %% [markdown]
# ### Question 1 (2 points)
#
# A picture of Fashion-MNIST has $28 \times 28$ grey pixels. How many numbers does `nn.Conv2d(1, 32, 3, padding=1)` learn,
# and how many would a fully connected layer learn between the same input and an output of the same size? Why does
# the gradient of one filter weight have $28 \cdot 28 \cdot N$ terms?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_convolution", "points": 2, "solution": true}
# ### BEGIN SOLUTION
# The convolution: $9 \cdot 1 \cdot 32 + 32 = 320$. The output has $32 \cdot 28 \cdot 28 = 25\,088$ entries, the input 784:
# fully connected that makes $784 \cdot 25\,088 + 25\,088 = 19\,694\,080$, about 20 million.
#
# One weight is used at each of the $28 \cdot 28$ places of each of the $N$ pictures. Each use is a path from the weight
# to the loss, and the contributions of all paths add up.
#
# **Rubric** 1: 320 and about 20 million (with or without biases); 1: the weight is shared, one path per place and picture.
# ### END SOLUTION

# %% [markdown]
# ## 3 · Your network: `FashionNet`
#
# An `nn.Module` is a node with parameters: layers are made in `__init__`, where assigning them to attributes makes their
# parameters known, and used in `forward`. There is no `backward` to write.
#
# Use at least two convolutions. The pictures come with values in [0, 1]; if you want them rescaled, do that inside
# `forward`. The scores go into `cross_entropy`, which contains the softmax, so the last layer is linear.

# %% nbgrader={"grade_id": "fashion_net", "solution": true}
class FashionNet(nn.Module):
    """Scores for grey pictures of 28×28 pixels.

    forward(X) : X of shape (N, 1, 28, 28), values in [0, 1] -> scores of shape (N, 10)

    >>> FashionNet()(torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 10])
    """

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.block1 = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU())
        self.block2 = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(64), nn.ReLU())
        self.block3 = nn.Sequential(nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU())
        self.block4 = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU())
        self.scores = nn.Linear(128, 10)
        ### END SOLUTION

    def forward(self, X):
        ### BEGIN SOLUTION
        if self.training:
            return self.look(X)
        return (self.look(X) + self.look(X.flip(-1))) / 2  # what it says to a picture and to its mirror image

    def look(self, X):
        X = self.block2(self.block1(X))  # (N, 64, 7, 7)
        X = self.block4(self.block3(X))  # (N, 128, 7, 7)
        return self.scores(X.amax(dim=(2, 3)))  # each channel's largest value, then (N, 10)
        ### END SOLUTION


# %% [markdown]
# The check sends five pictures through, one loss back, and lists every parameter with the largest entry of its gradient.
# *None* means that no path leads from that parameter to the scores.

# %% nbgrader={"grade": true, "grade_id": "fashion_net_check", "points": 6}
# Check your work. Each gradient has entries up to about 0.01 … 2. (The bias of a convolution before BatchNorm2d gets
# nearly nothing, 1e-6: BatchNorm2d takes the mean away, and with it the bias.)
# With lambda the check itself makes the network, and an error of your code becomes one sentence.
check_network(lambda: FashionNet())
### BEGIN HIDDEN TESTS
from autograder import grade
grade("09-fashion-mnist/fashion_net_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · One epoch
#
# For each minibatch $(X, y)$: forward, loss, backward, step. The loss of section 08, the mean of $-\log p$ of the right
# class, is `nn.functional.cross_entropy(scores, y)` here. An *optimizer* is made with the parameters and a rule for the
# step, such as `torch.optim.SGD(model.parameters(), lr=0.1)`; `optimizer.step()` then changes them by that rule.

# %% [markdown]
# Here it is for one tensor: the gradient of $\|v\|^2$ is $2v$, so a tenth of it takes away a fifth of $v$. (PyTorch needs a
# few seconds for the first optimizer of a notebook.)

# %%
v = torch.tensor([5.0, -10.0], requires_grad=True)
rule = torch.optim.SGD([v], lr=0.1)
(v @ v).backward()
rule.step()
print(v.tolist())


# %% [markdown]
# Three things are easily forgotten: gradients of the minibatch before are still there; the model may still be in eval mode;
# and data and model have to be on the same *device* (the CPU, or a GPU): `X.to(device)` puts them there.

# %% nbgrader={"grade_id": "train_epoch", "solution": true}
def train_epoch(model, batches, optimizer, device):
    """Train the model on every minibatch once; return the mean loss, a number.

    model     : nn.Module on the device, X -> scores of shape (N, C)
    batches   : gives pairs (X, y): X float32, y class numbers of shape (N,)
    optimizer : a torch optimizer that holds the parameters of the model
    device    : where the model is

    >>> train_epoch(model, batches, torch.optim.SGD(model.parameters(), lr=0.1), device)
    0.6177                                 # the mean of the minibatches' losses, each before its step
    """
    ### BEGIN SOLUTION
    model.train()
    total = count = 0
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = nn.functional.cross_entropy(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train_epoch_check", "points": 5}
# Check your work. Right code shows max differences below 1e-6: PyTorch calculates with float32 here.
check_train_epoch(train_epoch)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("09-fashion-mnist/train_epoch_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 5 · Measure
#
# The *accuracy* is the share of pictures whose highest score is that of the right class. Measuring must leave no traces:
# the model predicts in eval mode, `torch.no_grad()` saves PyTorch the graph, and afterwards the model is in the mode it
# was in before (`model.training` tells which).

# %% nbgrader={"grade_id": "accuracy", "solution": true}
def accuracy(model, batches, device):
    """The share of right predictions, a number from 0 to 1. Leaves the model as it was.

    model   : nn.Module on the device, X -> scores of shape (N, C)
    batches : gives pairs (X, y), the last one possibly smaller

    >>> accuracy(model, batches, device)      # 4 of 6 pictures right
    0.6666666666666666
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    right = count = 0
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            right += (model(X).argmax(dim=1) == y).sum().item()
            count += len(y)
    model.train(was_training)
    return right / count
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "accuracy_check", "points": 4}
# Check your work: two minibatches of different size, with 4 of 6 predictions right.
check_accuracy(accuracy)
### BEGIN HIDDEN TESTS
from autograder import grade
grade("09-fashion-mnist/accuracy_check", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 6 · The data, and where to calculate
#
# Fashion-MNIST has 70 000 grey pictures of ten kinds of clothes: 50 000 to train with, 10 000 to choose settings with
# (*validation*), 10 000 to be opened once, at the end (*test*). Without a network, 14 000 drawn pictures of the same
# kinds stand in for them, and the cell says so. (Cells like the next ones are not run again when your notebook is graded;
# what they showed stays.)

# %% tags=["train"]
data, data_set = load_fashion_mnist_or_drawn()
for name, array in data.items():
    print(f"{name:8} {str(array.shape):18} {array.dtype}")
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"{data_set}, calculated on {device}")

# %% tags=["train"]
figure, axes = plt.subplots(2, 5, figsize=(8, 3.6))
for label, ax in enumerate(axes.ravel()):
    ax.imshow(data["X_train"][np.argmax(data["y_train"] == label), 0], cmap="gray")
    ax.set_title(FASHION_CLASSES[label], fontsize=9)
    ax.axis("off")
plt.show()

# %% [markdown]
# ## 7 · Train
#
# `TensorBatches` cuts the data into minibatches on the device. `augment=shifted_and_flipped` moves each training picture
# by up to two pixels and mirrors half of them: a shoe that points the other way is still a shoe, and the network
# sees a new picture each time. Calling `train_epoch` inside `with fast_arithmetic(device):` is optional: multiplications
# with 3 digits in place of 7, two to three times as fast on devices that can, and as good for training.

# %% [markdown]
# Your turn: choose an *optimizer*, its learning rate and the number of epochs, and train. Two that work:
#
# * `torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)`: each step keeps 0.9 of the step before;
# * `torch.optim.Adam(model.parameters(), lr=1e-3)`: every parameter has a step size of its own.
#
# After each epoch append two accuracies to `curves`: that on `known`, 2000 of the training pictures, and that on
# `validation`.

# %% [markdown]
# A first try with one epoch tells how long an epoch takes (ours: 1½ minutes on one thread of a CPU). 85 % on Fashion-MNIST is reached in one or two epochs; 92 %
# takes some care.

# %% tags=["train"]
train_batches = TensorBatches(
    data["X_train"], data["y_train"], 128, shuffle=True, augment=shifted_and_flipped, device=device
)
known = TensorBatches(data["X_train"][:2000], data["y_train"][:2000], 1000, device=device)
validation = TensorBatches(data["X_val"], data["y_val"], 1000, device=device)

# %% tags=["train"] nbgrader={"grade_id": "training", "solution": true}
curves = {"training": [], "validation": []}
torch.manual_seed(0)
model = FashionNet().to(device)
### BEGIN SOLUTION
model = model.to(memory_format=torch.channels_last)  # the same numbers in another order: faster convolutions
epochs = 40 if device.type == "cuda" else 24
optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)  # the rate falls to 0
for epoch in range(epochs):
    with fast_arithmetic(device):
        loss = train_epoch(model, train_batches, optimizer, device)
        curves["training"].append(accuracy(model, known, device))
        curves["validation"].append(accuracy(model, validation, device))
    schedule.step()
    print(f"epoch {epoch + 1:2}   loss {loss:.4f}   validation accuracy {curves['validation'][-1]:.2%}")
### END SOLUTION

# %% tags=["train"]
plt.figure(figsize=(7, 3.5))
plot_learning_curves(curves, ylabel="accuracy")
plt.show()

# %% [markdown]
# *Expected picture:* both curves rise steeply in the first two epochs and then slowly, with a jump or two on the way. On
# Fashion-MNIST validation ends between 0.90 and 0.945, and training (on 2000 of its pictures) near it or a few points
# above. A training curve that goes on rising while validation falls back has begun to memorise pictures.

# %% [markdown]
# ### Save, and open the test pictures once
#
# Run these cells when you have chosen your network by its validation accuracy, not before. The file holds the
# trained numbers by name, in the format *safetensors*, and on which data they were trained. **Hand it in with the
# notebook.**

# %% tags=["train"]
save_torch(model, "fashion_net.safetensors", trained_on=data_set)
test_accuracy = accuracy(model, TensorBatches(data["X_test"], data["y_test"], 1000, device=device), device)
print(f"test accuracy on {data_set}: {test_accuracy:.2%}")

# %% [markdown]
# When your notebook is graded, a fresh `FashionNet()` gets the weights of your file and predicts pictures whose labels
# it is not given. From 70 % to 85 % right, points grow in proportion: none at 70 %, all five at 85 %.

# %% nbgrader={"grade": true, "grade_id": "weights", "points": 5}
# The file must fit your FashionNet: this fails when you have changed the network and not trained it again.
load_torch(FashionNet(), "fashion_net.safetensors")
print("The weights fit.", read_notes("fashion_net.safetensors"))
### BEGIN HIDDEN TESTS
from autograder import grade
grade("09-fashion-mnist/weights", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Where it errs
#
# Eight pictures of the validation set that the network gets wrong, with what it took them for. *Expected picture:* mostly
# clothes at which you would hesitate too.

# %% tags=["train"]
model.eval()
with torch.no_grad():
    guesses = torch.cat([model(X).argmax(dim=1) for X, _ in validation]).cpu().numpy()
figure, axes = plt.subplots(2, 4, figsize=(8, 4.4))
for place, index in enumerate(np.flatnonzero(guesses != data["y_val"])[:8]):
    ax = axes.ravel()[place]
    ax.imshow(data["X_val"][index, 0], cmap="gray")
    ax.set_title(f"{FASHION_CLASSES[guesses[index]]}?\nis: {FASHION_CLASSES[data['y_val'][index]]}", fontsize=9)
    ax.axis("off")
plt.show()

# %% [markdown]
# ### Question 2: your report (8 points)
#
# 1. The architecture: a table with each layer, the shape of what comes out of it, and how many numbers it learns.
# 2. Optimizer, learning rate, minibatch size, epochs, augmentation, device, minutes.
# 3. What does the plot of both accuracies show? Would more epochs have helped?
# 4. The test accuracy, measured once, and on which data. Two changes you tried, with their validation accuracy.
# 5. Which two kinds are confused most, and why?

# %% [markdown] nbgrader={"grade": true, "grade_id": "q_report", "points": 8, "solution": true}
# ### BEGIN SOLUTION
# For example, for the network above (242 250 numbers; each convolution is followed by BatchNorm2d and ReLU):
#
# | layer | what comes out | numbers learned |
# |---|---|---|
# | Conv2d(1, 32), MaxPool2d, BatchNorm2d | (N, 32, 14, 14) | 320 + 64 |
# | Conv2d(32, 64), MaxPool2d, BatchNorm2d | (N, 64, 7, 7) | 18 496 + 128 |
# | Conv2d(64, 128), BatchNorm2d | (N, 128, 7, 7) | 73 856 + 256 |
# | Conv2d(128, 128), BatchNorm2d | (N, 128, 7, 7) | 147 584 + 256 |
# | largest value of each channel | (N, 128) | none |
# | Linear(128, 10) | (N, 10) | 1290 |
#
# AdamW, learning rate 0.003 falling to 0 along a cosine, weight decay 0.05, minibatches of 128, shifted and mirrored
# pictures, 24 epochs on a CPU (40 on a GPU). The first epoch gives 87 % on the validation pictures; the aim of these
# settings is 93.5 % of the test pictures on a CPU and 94.5 % on a GPU. Near the end both curves are flat, since the
# learning rate goes to 0: more epochs with the same schedule bring little. Shirts and T-shirts are confused most: at
# 28 × 28 grey pixels they differ by collar and buttons.
#
# **Rubric** 2: layers with shapes and counts that fit each other; 1: all settings, device and time; 2: the plot is there
# with both curves, read rightly (gap, levelling off, what more epochs would do); 2: test accuracy with its data set,
# measured once, and two changes with numbers; 1: a plausible pair of classes (shirt and T-shirt, pullover and coat)
# with a reason.
# ### END SOLUTION

# %% [markdown]
# ## What you have now
#
# * PyTorch records the graph while the forward pass runs; `backward()` is the reverse walk you know, and it adds.
# * A convolution is a linear layer whose weights are shared by all places: few numbers to learn, and gradients that are
#   sums over places and pictures.
# * `train()`, `zero_grad()`, forward, `backward()`, `step()`; then `eval()` and `no_grad()`. Whoever leaves one out
#   gets no error, only a worse network or a wrong number.

# %% [markdown]
# ## Go further
#
# * Plot the 32 filters of the first layer. Which of them look like the hand-made ones?
# * Take `BatchNorm2d` out and train again. What does the learning rate have to be?
# * Train on the drawn clothes (`load_drawn_clothes` in `backprop.clothes`) and measure on Fashion-MNIST, or the other way
#   round. What does the network know about clothes?
# * Write `conv2d` forward and backward for one channel in numpy, and check it with `check_function` of section 01.
