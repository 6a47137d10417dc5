"""Our networks against the same in PyTorch, with random weights, by way of `convert_weights`."""

import jax
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs pip install -e ".[compare]"')

from evofool.classifiers.card import Card  # noqa: E402
from evofool.classifiers.classifier import check_classifier  # noqa: E402
from evofool.classifiers.importing.converting import convert_weights  # noqa: E402
from evofool.classifiers.loading import read_classifier  # noqa: E402
from tests.compare import networks  # noqa: E402

LABELS = [f"class {i}" for i in range(10)]
IMAGENET_MEAN = np.float32([0.485, 0.456, 0.406])
IMAGENET_STD = np.float32([0.229, 0.224, 0.225])


def torchvision_input(images):
    return (images - IMAGENET_MEAN) / IMAGENET_STD


def caffe_input(images):
    return 255 * images[..., ::-1] - np.float32([104, 117, 123])


def googlenet_input(images):
    """As torchvision: normalised as for all, then changed inside the network."""
    return torchvision_input(images) * (IMAGENET_STD / 0.5) + (IMAGENET_MEAN - 0.5) / 0.5


# name -> family, network, what it is fed, height and width
CASES = {
    "caffenet": ("caffenet", networks.caffenet, caffe_input, (227, 227)),
    "alexnet": ("alexnet", networks.alexnet, torchvision_input, (224, 224)),
    "alexnet, odd": ("alexnet", networks.alexnet, torchvision_input, (95, 301)),
    "googlenet": ("googlenet", networks.googlenet, googlenet_input, (224, 224)),
    "googlenet, odd": ("googlenet", networks.googlenet, googlenet_input, (99, 118)),
    "resnet18": ("resnet18", networks.resnet18, torchvision_input, (97, 130)),
    "resnet50": ("resnet50", networks.resnet50, torchvision_input, (160, 160)),
    "squeezenet1_0": (
        "squeezenet_v1.0_torchvision",
        networks.squeezenet1_0,
        torchvision_input,
        (224, 224),
    ),
    "squeezenet1_1": ("squeezenet_v1.1", networks.squeezenet1_1, torchvision_input, (110, 131)),
    "mobilenet_v2": ("mobilenet_v2", networks.mobilenet_v2, torchvision_input, (97, 128)),
    "mobilenetv2_100": ("mobilenet_v2", networks.mobilenetv2_100, torchvision_input, (128, 97)),
}


def levels(height, width):
    """Two images: one of noise, one smooth in which every channel and direction differs."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    smooth = np.stack([rows, columns**2, 1 - rows * columns], axis=-1)
    return np.stack([random.random((height, width, 3)), smooth]).astype(np.float32)


@pytest.mark.parametrize("case", CASES)
def test_logits_are_those_of_pytorch(case, tmp_path):
    family, network, preprocess, (height, width) = CASES[case]
    images = levels(height, width)
    weights = networks.Weights(seed=0)
    fed = torch.from_numpy(np.ascontiguousarray(preprocess(images).transpose(0, 3, 1, 2)))
    with torch.inference_mode():
        expected = network(weights, fed, len(LABELS)).numpy()
    torch.save(dict(weights), tmp_path / "net.pth")
    fields = {"input_shape": (height, width, 3)}
    card = convert_weights(
        tmp_path / "net.pth", family=family, out=tmp_path, labels=LABELS, fields=fields
    )
    classifier = read_classifier(tmp_path / "net.safetensors")
    assert classifier.card == card == Card.read(tmp_path / "net.json")
    check_classifier(classifier)
    logits = np.asarray(jax.jit(classifier.apply)(classifier.params, images))
    spread = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 0.01 * spread  # it looks at the image
    np.testing.assert_allclose(logits, expected, atol=3e-5 * spread, rtol=0)
