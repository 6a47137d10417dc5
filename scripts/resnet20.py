"""A module for `resnet20-12fca82f.th`, weights that akamaster/pytorch_resnet_cifar10 publishes.

    evofool audit 'torch:scripts/resnet20.py:make?input=32x32&prep=imagenet' --dataset cifar10 ...

`$RESNET20` names the file. It is a pickle: only tensors are read from it.
"""

# pyright: reportMissingImports=false

import os

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two convolutions, and beside them the input, of which every second pixel is left."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.missing = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Takes `[batch, inputs, height, width]`."""
        made = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        beside = x[:, :, :: self.stride, :: self.stride]
        half = self.missing // 2
        return functional.relu(made + functional.pad(beside, (0, 0, 0, 0, half, half)))


class ResNet20(nn.Module):
    """He et al. (2016), section 4.2, with n = 3 and shortcuts without parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Takes `[batch, 3, 32, 32]`, normalised as for ImageNet; returns logits."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


def make() -> nn.Module:
    """Reads the weights."""
    read = torch.load(os.environ["RESNET20"], map_location="cpu", weights_only=True)
    module = ResNet20()
    module.load_state_dict({k.removeprefix("module."): v for k, v in read["state_dict"].items()})
    return module
