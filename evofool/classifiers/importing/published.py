"""Networks as others publish them: the names of their tensors, and their preprocessing.

For one of evofool's families, a `Conversion` lists the tensors of a PyTorch state dict that become
each layer, and the preprocessing with which the published weights were trained.

References:
    torchvision 0.29, `torchvision/models/*.py`; its weights take the centre 224x224 of
    photographs scaled to 256 (`ImageClassification` in `torchvision/transforms/_presets.py`).
    timm 1.0, `timm/models/_efficientnet_blocks.py`; its ResNets have torchvision's names.
    BVLC/caffe, `models/bvlc_reference_caffenet`: names of its layers; ImageNet's mean colour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from evofool.classifiers.architectures.googlenet import INCEPTIONS
from evofool.classifiers.architectures.resnet import DEPTHS, places
from evofool.support import JsonValue

TORCHVISION = "https://download.pytorch.org/models"


class LayerSource(NamedTuple):
    """The tensors that a layer is made from.

    Attributes:
        layer: the convolution or dense layer: `layer.weight`, and `layer.bias` without a norm.
        norm: the batch norm after it, or empty.
    """

    layer: str
    norm: str = ""


class StateDictLayout(NamedTuple):
    """How a state dict names its tensors.

    Attributes:
        origin: the project that names them so.
        layers: evofool's layer -> its tensors; the layer with the network's outputs comes last.
        epsilon: of the batch norms.
        dropped: prefixes of tensors that are not used.
    """

    origin: str
    layers: dict[str, LayerSource]
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
# torchvision's GoogLeNet came from TensorFlow: inside the network, `transform_input` turns the
# input that is normalised as for the others into values in [-1, 1].
_MINUS_ONE_TO_ONE = {**_IMAGENET, "mean": (127.5, 127.5, 127.5), "scale": 1 / 127.5}


@dataclass(frozen=True)
class Conversion:
    """How published weights of a family are converted.

    Attributes:
        layouts: the ways in which state dicts name the tensors.
        card: the fields of the card that describe the preprocessing.
    """

    layouts: tuple[StateDictLayout, ...]
    card: Mapping[str, JsonValue] = field(default_factory=lambda: _IMAGENET)


def _caffenet() -> StateDictLayout:
    names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    return StateDictLayout("Caffe", {name: LayerSource(name) for name in names})


def _alexnet() -> StateDictLayout:
    convolutions = enumerate((0, 3, 6, 8, 10), start=1)
    dense = enumerate((1, 4, 6), start=6)
    layers = {f"conv{number}": LayerSource(f"features.{index}") for number, index in convolutions}
    layers |= {f"fc{number}": LayerSource(f"classifier.{index}") for number, index in dense}
    return StateDictLayout("torchvision", layers)


def _googlenet() -> StateDictLayout:
    theirs = {f"conv{number}": f"conv{number}" for number in (1, 2, 3)}
    for name in INCEPTIONS:
        block = f"inception{name}"
        theirs[f"{block}.branch1"] = f"{block}.branch1"
        for branch in ("branch2", "branch3"):
            theirs[f"{block}.{branch}.reduce"] = f"{block}.{branch}.0"
            theirs[f"{block}.{branch}.conv"] = f"{block}.{branch}.1"
        theirs[f"{block}.branch4"] = f"{block}.branch4.1"
    layers = {ours: LayerSource(f"{layer}.conv", f"{layer}.bn") for ours, layer in theirs.items()}
    layers["fc"] = LayerSource("fc")
    return StateDictLayout("torchvision", layers, epsilon=1e-3, dropped=("aux1.", "aux2."))


def _resnet(family: str) -> StateDictLayout:
    layers = {"conv1": LayerSource("conv1", "bn1")}
    is_bottleneck = family == "resnet50"
    for number, place in enumerate(places(family), start=1):
        block = f"layer{place.stage}.{place.index}"
        for conv in range(1, 4 if is_bottleneck else 3):
            layers[f"block{number}.conv{conv}"] = LayerSource(
                f"{block}.conv{conv}", f"{block}.bn{conv}"
            )
        if place.index == 0 and (is_bottleneck or place.stage > 1):
            shortcut = LayerSource(f"{block}.downsample.0", f"{block}.downsample.1")
            layers[f"block{number}.shortcut"] = shortcut
    layers["fc"] = LayerSource("fc")
    return StateDictLayout("torchvision", layers)


def _squeezenet(fires: tuple[int, ...]) -> StateDictLayout:
    """Returns the layout, from the indices of fire modules 2..9 among torchvision's features."""
    layers = {"conv1": LayerSource("features.0")}
    for number, index in enumerate(fires, start=2):
        for ours, theirs in (("squeeze1x1", "squeeze"), ("expand1x1",) * 2, ("expand3x3",) * 2):
            layers[f"fire{number}.{ours}"] = LayerSource(f"features.{index}.{theirs}")
    layers["conv10"] = LayerSource("classifier.1")
    return StateDictLayout("torchvision", layers)


def _mobilenet_v2_torchvision() -> StateDictLayout:
    layers = {"conv0": LayerSource("features.0.0", "features.0.1")}
    for number in range(1, 18):
        block, at = f"features.{number}.conv", 0
        if number > 1:
            layers[f"block{number}.expand"] = LayerSource(f"{block}.0.0", f"{block}.0.1")
            at = 1
        layers[f"block{number}.dw"] = LayerSource(f"{block}.{at}.0", f"{block}.{at}.1")
        layers[f"block{number}.project"] = LayerSource(f"{block}.{at + 1}", f"{block}.{at + 2}")
    layers["conv_last"] = LayerSource("features.18.0", "features.18.1")
    layers["fc"] = LayerSource("classifier.1")
    return StateDictLayout("torchvision", layers)


def _mobilenet_v2_timm() -> StateDictLayout:
    layers = {"conv0": LayerSource("conv_stem", "bn1")}
    depths = (1, 2, 3, 4, 3, 3, 1)
    blocks = [(stage, index) for stage, depth in enumerate(depths) for index in range(depth)]
    for number, (stage, index) in enumerate(blocks, start=1):
        block = f"blocks.{stage}.{index}"
        parts = ("dw", "dw"), ("project", "pw")
        if number > 1:
            parts = ("expand", "pw"), ("dw", "dw"), ("project", "pwl")
        for norm, (ours, theirs) in enumerate(parts, start=1):
            layers[f"block{number}.{ours}"] = LayerSource(
                f"{block}.conv_{theirs}", f"{block}.bn{norm}"
            )
    layers["conv_last"] = LayerSource("conv_head", "bn2")
    layers["fc"] = LayerSource("classifier")
    return StateDictLayout("timm", layers)


CONVERSIONS: dict[str, Conversion] = {
    "caffenet": Conversion((_caffenet(),), _CAFFE),
    "alexnet": Conversion((_alexnet(),)),
    "googlenet": Conversion((_googlenet(),), _MINUS_ONE_TO_ONE),
    **{family: Conversion((_resnet(family),)) for family in DEPTHS},
    "squeezenet_v1.0_torchvision": Conversion((_squeezenet((3, 4, 5, 7, 8, 9, 10, 12)),)),
    "squeezenet_v1.1": Conversion((_squeezenet((3, 4, 6, 7, 9, 10, 11, 12)),)),
    "mobilenet_v2": Conversion((_mobilenet_v2_torchvision(), _mobilenet_v2_timm())),
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
