"""Networks as others publish them: how their files name the tensors, and what they are fed.

A `Recipe` says, for one of our families, from which tensors of a PyTorch state dict each layer is
made, and with which preprocessing the published weights were trained.

References:
    torchvision 0.29, `torchvision/models/*.py`; its weights are fed the centre 224x224 of
    photographs scaled to 256 (`ImageClassification` in `torchvision/transforms/_presets.py`).
    timm 1.0, `timm/models/_efficientnet_blocks.py`; its ResNets have torchvision's names.
    BVLC/caffe, `models/bvlc_reference_caffenet`: names of its layers; ImageNet's mean colour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from evofool.classifiers.architectures.googlenet import INCEPTIONS
from evofool.classifiers.architectures.resnet import DEPTHS, places

TORCHVISION = "https://download.pytorch.org/models"


class Source(NamedTuple):
    """What a layer is made from.

    Attributes:
        layer: the convolution or dense layer; `layer.weight`, and `layer.bias` without a norm.
        norm: the batch norm after it, or nothing.
    """

    layer: str
    norm: str = ""


class Layout(NamedTuple):
    """How a state dict names its tensors.

    Attributes:
        origin: whose names these are.
        layers: our layer -> what it is made from; the one that gives the outputs comes last.
        epsilon: of its batch norms.
        dropped: beginnings of the names of tensors that are of no use here.
    """

    origin: str
    layers: dict[str, Source]
    epsilon: float = 1e-5
    dropped: tuple[str, ...] = ()


_IMAGENET = {
    "input_shape": (224, 224, 3),
    "channel_order": "RGB",
    "mean": (0.485 * 255, 0.456 * 255, 0.406 * 255),
    "scale": (1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)),
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
}
_CAFFE = {
    "input_shape": (227, 227, 3),
    "channel_order": "BGR",
    "mean": (104.0, 117.0, 123.0),
    "scale": 1.0,
    "resize": 256,
    "crop": 227,
    "interpolation": "bilinear",
}
# torchvision's GoogLeNet came from TensorFlow: what is normalised for the others is turned into
# values of -1..1 inside the network (`transform_input`)
_MINUS_ONE_TO_ONE = {**_IMAGENET, "mean": (127.5, 127.5, 127.5), "scale": 1 / 127.5}


@dataclass(frozen=True)
class Recipe:
    """How published weights become ours.

    Attributes:
        layouts: the ways in which the tensors are named.
        card: fields of the card that go with them.
    """

    layouts: tuple[Layout, ...]
    card: Mapping[str, Any] = field(default_factory=lambda: _IMAGENET)


def _caffenet() -> Layout:
    names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    return Layout("Caffe", {name: Source(name) for name in names})


def _alexnet() -> Layout:
    convolutions = enumerate((0, 3, 6, 8, 10), start=1)
    dense = enumerate((1, 4, 6), start=6)
    layers = {f"conv{number}": Source(f"features.{index}") for number, index in convolutions}
    layers |= {f"fc{number}": Source(f"classifier.{index}") for number, index in dense}
    return Layout("torchvision", layers)


def _googlenet() -> Layout:
    theirs = {f"conv{number}": f"conv{number}" for number in (1, 2, 3)}
    for name in INCEPTIONS:
        block = f"inception{name}"
        theirs[f"{block}.branch1"] = f"{block}.branch1"
        for branch in ("branch2", "branch3"):
            theirs[f"{block}.{branch}.reduce"] = f"{block}.{branch}.0"
            theirs[f"{block}.{branch}.conv"] = f"{block}.{branch}.1"
        theirs[f"{block}.branch4"] = f"{block}.branch4.1"
    layers = {ours: Source(f"{layer}.conv", f"{layer}.bn") for ours, layer in theirs.items()}
    layers["fc"] = Source("fc")
    return Layout("torchvision", layers, epsilon=1e-3, dropped=("aux1.", "aux2."))


def _resnet(family: str) -> Layout:
    layers = {"conv1": Source("conv1", "bn1")}
    is_bottleneck = family == "resnet50"
    for number, place in enumerate(places(family), start=1):
        block = f"layer{place.stage}.{place.index}"
        for conv in range(1, 4 if is_bottleneck else 3):
            layers[f"block{number}.conv{conv}"] = Source(f"{block}.conv{conv}", f"{block}.bn{conv}")
        if place.index == 0 and (is_bottleneck or place.stage > 1):
            shortcut = Source(f"{block}.downsample.0", f"{block}.downsample.1")
            layers[f"block{number}.shortcut"] = shortcut
    layers["fc"] = Source("fc")
    return Layout("torchvision", layers)


def _squeezenet(fires: tuple[int, ...]) -> Layout:
    """Fire modules 2..9 stand at the places `fires` among torchvision's features."""
    layers = {"conv1": Source("features.0")}
    for number, index in enumerate(fires, start=2):
        for ours, theirs in (("squeeze1x1", "squeeze"), ("expand1x1",) * 2, ("expand3x3",) * 2):
            layers[f"fire{number}.{ours}"] = Source(f"features.{index}.{theirs}")
    layers["conv10"] = Source("classifier.1")
    return Layout("torchvision", layers)


def _mobilenet_v2_torchvision() -> Layout:
    layers = {"conv0": Source("features.0.0", "features.0.1")}
    for number in range(1, 18):
        block, at = f"features.{number}.conv", 0
        if number > 1:
            layers[f"block{number}.expand"] = Source(f"{block}.0.0", f"{block}.0.1")
            at = 1
        layers[f"block{number}.dw"] = Source(f"{block}.{at}.0", f"{block}.{at}.1")
        layers[f"block{number}.project"] = Source(f"{block}.{at + 1}", f"{block}.{at + 2}")
    layers["conv_last"] = Source("features.18.0", "features.18.1")
    layers["fc"] = Source("classifier.1")
    return Layout("torchvision", layers)


def _mobilenet_v2_timm() -> Layout:
    layers = {"conv0": Source("conv_stem", "bn1")}
    depths = (1, 2, 3, 4, 3, 3, 1)
    blocks = [(stage, index) for stage, depth in enumerate(depths) for index in range(depth)]
    for number, (stage, index) in enumerate(blocks, start=1):
        block = f"blocks.{stage}.{index}"
        parts = ("dw", "dw"), ("project", "pw")
        if number > 1:
            parts = ("expand", "pw"), ("dw", "dw"), ("project", "pwl")
        for norm, (ours, theirs) in enumerate(parts, start=1):
            layers[f"block{number}.{ours}"] = Source(f"{block}.conv_{theirs}", f"{block}.bn{norm}")
    layers["conv_last"] = Source("conv_head", "bn2")
    layers["fc"] = Source("classifier")
    return Layout("timm", layers)


RECIPES: dict[str, Recipe] = {
    "caffenet": Recipe((_caffenet(),), _CAFFE),
    "alexnet": Recipe((_alexnet(),)),
    "googlenet": Recipe((_googlenet(),), _MINUS_ONE_TO_ONE),
    **{family: Recipe((_resnet(family),)) for family in DEPTHS},
    "squeezenet_v1.0_torchvision": Recipe((_squeezenet((3, 4, 5, 7, 8, 9, 10, 12)),)),
    "squeezenet_v1.1": Recipe((_squeezenet((3, 4, 6, 7, 9, 10, 11, 12)),)),
    "mobilenet_v2": Recipe((_mobilenet_v2_torchvision(), _mobilenet_v2_timm())),
}


class PublishedFile(NamedTuple):
    """A file with weights at a public address.

    Attributes:
        family: of the network.
        file: its name, which carries the first eight hexadecimal digits of its sha256.
    """

    family: str
    file: str

    @property
    def digits(self) -> str:
        """The first digits of the sha256."""
        return self.file.removesuffix(".pth").rpartition("-")[2]


FILES = {
    "alexnet": PublishedFile("alexnet", "alexnet-owt-7be5be79.pth"),
    "googlenet": PublishedFile("googlenet", "googlenet-1378be20.pth"),
    "mobilenet_v2": PublishedFile("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
    "resnet18": PublishedFile("resnet18", "resnet18-f37072fd.pth"),
    "resnet50": PublishedFile("resnet50", "resnet50-0676ba61.pth"),
    "squeezenet1_0": PublishedFile("squeezenet_v1.0_torchvision", "squeezenet1_0-b66bff10.pth"),
    "squeezenet1_1": PublishedFile("squeezenet_v1.1", "squeezenet1_1-b8a52dc0.pth"),
}
