"""The networks that evofool can build from a card, one module each."""

from evofool.classifiers.architectures.alexnet import AlexNet, CaffeNet
from evofool.classifiers.architectures.article_cnn import Seed000CNN
from evofool.classifiers.architectures.cifar_cnn import CifarCNN
from evofool.classifiers.architectures.googlenet import GoogLeNet
from evofool.classifiers.architectures.lenet import LeNet
from evofool.classifiers.architectures.linear import Linear
from evofool.classifiers.architectures.mlp import MLP
from evofool.classifiers.architectures.mobilenet import MobileNetV1, MobileNetV2
from evofool.classifiers.architectures.resnet import ResNet
from evofool.classifiers.architectures.squeezenet import VERSIONS, SqueezeNet

FAMILIES = {
    "lenet": LeNet,
    "cifar_cnn": CifarCNN,
    "seed000_cnn": Seed000CNN,
    "mlp": MLP,
    "linear": Linear,
    "caffenet": CaffeNet,
    "alexnet": AlexNet,
    "googlenet": GoogLeNet,
    "resnet18": ResNet,
    "resnet50": ResNet,
    "mobilenet_v1": MobileNetV1,
    "mobilenet_v2": MobileNetV2,
    **dict.fromkeys(VERSIONS, SqueezeNet),
}
