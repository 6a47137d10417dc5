"""The networks again, in PyTorch: plain, functional, and written without a look at ours.

Every function takes an image batch `[n, channels, height, width]`, preprocessed, and a `Weights`
that hands out tensors by their published names. The first call makes them, at random; so a
forward pass also makes the state dict.
"""

import torch
from torch.nn import functional


class Weights(dict):
    """A state dict that grows as it is asked for tensors."""

    def __init__(self, seed: int):
        super().__init__()
        self.random = torch.Generator().manual_seed(seed)

    def get_or_make(self, name, make):
        if name not in self:
            self[name] = make()
        return self[name]

    def normal(self, *shape, std=1.0):
        return torch.randn(*shape, generator=self.random) * std

    def conv(self, x, name, outputs, size, *, stride=1, pad=0, groups=1, bias=True):
        inputs = x.shape[1] // groups
        gain = 2.0 if bias else 0.1  # before a norm, so little that its epsilon matters
        std = (gain / (inputs * size * size)) ** 0.5
        shape = (outputs, inputs, size, size)
        weight = self.get_or_make(f"{name}.weight", lambda: self.normal(*shape, std=std))
        offset = self.offset(name, outputs) if bias else None
        return functional.conv2d(x, weight, offset, stride, pad, 1, groups)

    def dense(self, x, name, outputs):
        std = x.shape[1] ** -0.5
        shape = (outputs, x.shape[1])
        weight = self.get_or_make(f"{name}.weight", lambda: self.normal(*shape, std=std))
        return functional.linear(x, weight, self.offset(name, outputs))

    def offset(self, name, outputs):
        return self.get_or_make(f"{name}.bias", lambda: self.normal(outputs, std=0.1))

    def norm(self, x, name, eps=1e-5):
        """Batch norm with running statistics beside those of `x`, so that values stay moderate."""
        n = x.shape[1]

        def random(low, high):
            return low + (high - low) * torch.rand(n, generator=self.random)

        gamma = self.get_or_make(f"{name}.weight", lambda: random(0.5, 1.5))
        beta = self.get_or_make(f"{name}.bias", lambda: self.normal(n, std=0.3))
        mean = self.get_or_make(
            f"{name}.running_mean", lambda: x.mean((0, 2, 3)) + self.normal(n, std=0.03)
        )
        variance = self.get_or_make(
            f"{name}.running_var", lambda: x.var((0, 2, 3)) * random(0.5, 2.0) + 1e-3
        )
        self.get_or_make(f"{name}.num_batches_tracked", lambda: torch.tensor(7))
        return functional.batch_norm(x, mean, variance, gamma, beta, eps=eps)


def caffenet(w, x, classes):
    def pool_and_norm(x):
        x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        return functional.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    x = pool_and_norm(functional.relu(w.conv(x, "conv1", 96, 11, stride=4)))
    x = pool_and_norm(functional.relu(w.conv(x, "conv2", 256, 5, pad=2, groups=2)))
    x = functional.relu(w.conv(x, "conv3", 384, 3, pad=1))
    x = functional.relu(w.conv(x, "conv4", 384, 3, pad=1, groups=2))
    x = functional.relu(w.conv(x, "conv5", 256, 3, pad=1, groups=2))
    x = functional.max_pool2d(x, 3, 2, ceil_mode=True).flatten(1)
    x = functional.relu(w.dense(x, "fc6", 4096))
    x = functional.relu(w.dense(x, "fc7", 4096))
    return w.dense(x, "fc8", classes)


def alexnet(w, x, classes):
    x = functional.max_pool2d(
        functional.relu(w.conv(x, "features.0", 64, 11, stride=4, pad=2)), 3, 2
    )
    x = functional.max_pool2d(functional.relu(w.conv(x, "features.3", 192, 5, pad=2)), 3, 2)
    x = functional.relu(w.conv(x, "features.6", 384, 3, pad=1))
    x = functional.relu(w.conv(x, "features.8", 256, 3, pad=1))
    x = functional.max_pool2d(functional.relu(w.conv(x, "features.10", 256, 3, pad=1)), 3, 2)
    x = functional.adaptive_avg_pool2d(x, 6).flatten(1)
    x = functional.relu(w.dense(x, "classifier.1", 4096))
    x = functional.relu(w.dense(x, "classifier.4", 4096))
    return w.dense(x, "classifier.6", classes)


def googlenet(w, x, classes):
    def unit(x, name, outputs, size, **options):
        x = w.conv(x, f"{name}.conv", outputs, size, bias=False, **options)
        return functional.relu(w.norm(x, f"{name}.bn", eps=1e-3))

    def inception(x, name, one, three, five, pooled):
        a = unit(x, f"{name}.branch1", one, 1)
        b = unit(x, f"{name}.branch2.0", three[0], 1)
        b = unit(b, f"{name}.branch2.1", three[1], 3, pad=1)
        c = unit(x, f"{name}.branch3.0", five[0], 1)
        c = unit(c, f"{name}.branch3.1", five[1], 3, pad=1)
        d = functional.max_pool2d(x, 3, 1, padding=1, ceil_mode=True)
        d = unit(d, f"{name}.branch4.1", pooled, 1)
        return torch.cat([a, b, c, d], 1)

    x = unit(x, "conv1", 64, 7, stride=2, pad=3)
    x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
    x = unit(unit(x, "conv2", 64, 1), "conv3", 192, 3, pad=1)
    x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
    x = inception(x, "inception3a", 64, (96, 128), (16, 32), 32)
    x = inception(x, "inception3b", 128, (128, 192), (32, 96), 64)
    x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
    x = inception(x, "inception4a", 192, (96, 208), (16, 48), 64)
    for head in ("aux1", "aux2"):  # of training only
        w.get_or_make(f"{head}.fc2.weight", lambda: w.normal(classes, 1024))
    x = inception(x, "inception4b", 160, (112, 224), (24, 64), 64)
    x = inception(x, "inception4c", 128, (128, 256), (24, 64), 64)
    x = inception(x, "inception4d", 112, (144, 288), (32, 64), 64)
    x = inception(x, "inception4e", 256, (160, 320), (32, 128), 128)
    x = functional.max_pool2d(x, 2, 2, ceil_mode=True)
    x = inception(x, "inception5a", 256, (160, 320), (32, 128), 128)
    x = inception(x, "inception5b", 384, (192, 384), (48, 128), 128)
    return w.dense(x.mean((2, 3)), "fc", classes)


def _resnet(w, x, classes, block, depths):
    x = functional.relu(w.norm(w.conv(x, "conv1", 64, 7, stride=2, pad=3, bias=False), "bn1"))
    x = functional.max_pool2d(x, 3, 2, padding=1)
    for stage, depth in enumerate(depths):
        for index in range(depth):
            stride = 2 if stage and not index else 1
            name = f"layer{stage + 1}.{index}"
            y = block(w, x, name, 64 << stage, stride)
            if index == 0 and x.shape != y.shape:
                x = w.conv(x, f"{name}.downsample.0", y.shape[1], 1, stride=stride, bias=False)
                x = w.norm(x, f"{name}.downsample.1")
            x = functional.relu(x + y)
    return w.dense(x.mean((2, 3)), "fc", classes)


def resnet18(w, x, classes):
    def block(w, x, name, channels, stride):
        x = w.conv(x, f"{name}.conv1", channels, 3, stride=stride, pad=1, bias=False)
        x = functional.relu(w.norm(x, f"{name}.bn1"))
        x = w.conv(x, f"{name}.conv2", channels, 3, pad=1, bias=False)
        return w.norm(x, f"{name}.bn2")

    return _resnet(w, x, classes, block, (2, 2, 2, 2))


def resnet50(w, x, classes):
    def block(w, x, name, channels, stride):
        x = functional.relu(
            w.norm(w.conv(x, f"{name}.conv1", channels, 1, bias=False), f"{name}.bn1")
        )
        x = w.conv(x, f"{name}.conv2", channels, 3, stride=stride, pad=1, bias=False)
        x = functional.relu(w.norm(x, f"{name}.bn2"))
        x = w.conv(x, f"{name}.conv3", 4 * channels, 1, bias=False)
        return w.norm(x, f"{name}.bn3")

    return _resnet(w, x, classes, block, (3, 4, 6, 3))


def _fire(w, x, name, squeezed, expanded):
    x = functional.relu(w.conv(x, f"{name}.squeeze", squeezed, 1))
    one = functional.relu(w.conv(x, f"{name}.expand1x1", expanded, 1))
    three = functional.relu(w.conv(x, f"{name}.expand3x3", expanded, 3, pad=1))
    return torch.cat([one, three], 1)


_FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def _squeezenet(w, x, classes, features, stem):
    """`features`: P is a max pool, F the next fire module; index 0, 1 are the stem."""
    x = functional.relu(w.conv(x, "features.0", *stem, stride=2))
    fires = iter(_FIRES)
    for index, kind in enumerate(features, start=2):
        if kind == "P":
            x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        else:
            x = _fire(w, x, f"features.{index}", *next(fires))
    return functional.relu(w.conv(x, "classifier.1", classes, 1)).mean((2, 3))


def squeezenet1_0(w, x, classes):
    return _squeezenet(w, x, classes, "PFFFPFFFFPF", (96, 7))


def squeezenet1_1(w, x, classes):
    return _squeezenet(w, x, classes, "PFFPFFPFFFF", (64, 3))


# (expansion, channels, blocks, stride) of the seven stages of MobileNetV2
_STAGES = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


def mobilenet_v2(w, x, classes):
    """With torchvision's names."""

    def unit(x, name, outputs, size, **options):
        x = w.conv(x, f"{name}.0", outputs, size, pad=size // 2, bias=False, **options)
        return functional.relu6(w.norm(x, f"{name}.1"))

    x = unit(x, "features.0", 32, 3, stride=2)
    number = 0
    for expansion, channels, depth, first in _STAGES:
        for stride in [first] + [1] * (depth - 1):
            number += 1
            name, y, at = f"features.{number}.conv", x, 0
            if expansion > 1:
                y, at = unit(y, f"{name}.0", expansion * x.shape[1], 1), 1
            y = unit(y, f"{name}.{at}", y.shape[1], 3, stride=stride, groups=y.shape[1])
            y = w.conv(y, f"{name}.{at + 1}", channels, 1, bias=False)
            y = w.norm(y, f"{name}.{at + 2}")
            x = x + y if x.shape == y.shape else y
    x = unit(x, "features.18", 1280, 1)
    return w.dense(x.mean((2, 3)), "classifier.1", classes)


def mobilenetv2_100(w, x, classes):
    """With timm's names."""

    def unit(x, conv, norm, outputs, size, **options):
        x = w.conv(x, conv, outputs, size, pad=size // 2, bias=False, **options)
        return w.norm(x, norm)

    x = functional.relu6(unit(x, "conv_stem", "bn1", 32, 3, stride=2))
    for stage, (expansion, channels, depth, first) in enumerate(_STAGES):
        for index in range(depth):
            name, y = f"blocks.{stage}.{index}", x
            stride = 1 if index else first
            if expansion == 1:
                names = ((f"{name}.conv_dw", f"{name}.bn1"), (f"{name}.conv_pw", f"{name}.bn2"))
            else:
                y = unit(y, f"{name}.conv_pw", f"{name}.bn1", expansion * x.shape[1], 1)
                y = functional.relu6(y)
                names = ((f"{name}.conv_dw", f"{name}.bn2"), (f"{name}.conv_pwl", f"{name}.bn3"))
            y = functional.relu6(
                unit(y, *names[0], y.shape[1], 3, stride=stride, groups=y.shape[1])
            )
            y = unit(y, *names[1], channels, 1)
            x = x + y if x.shape == y.shape else y
    x = functional.relu6(unit(x, "conv_head", "bn2", 1280, 1))
    return w.dense(x.mean((2, 3)), "classifier", classes)
