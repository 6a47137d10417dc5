"""The networks that evofool builds from a card, a module for each, and the layers they share."""

from evofool.classifiers.architectures.alexnet import AlexNet, CaffeNet
from evofool.classifiers.architectures.article_cnn import ArticleCNN
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
    "article_cnn": ArticleCNN,
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
