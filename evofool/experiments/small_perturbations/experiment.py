"""Small perturbations: images that look as before and are taken for something else.

An article makes them from a network's outputs alone: it raises every value of an image in turn,
and moves all values by epsilon along the signs of what that changed. A cat becomes an airplane at
epsilon .05 and is no longer a cat from .01 on; at .05 nearly every test image is fooled.

References:
    planetaria, "Adversarial examples" (in Japanese), Deep Learning Advent Calendar 2016, day 13.
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572
"""

from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.small_perturbations.digits import NETWORKS as DIGIT_NETWORKS
from evofool.experiments.small_perturbations.digits import mnist
from evofool.experiments.small_perturbations.objects import NETWORK as OBJECT_NETWORK
from evofool.experiments.small_perturbations.objects import cifar10
from evofool.experiments.small_perturbations.photographs import NETWORKS as PHOTOGRAPH_NETWORKS
from evofool.experiments.small_perturbations.photographs import imagenet

EXPERIMENT = Experiment(
    name="small-perturbations",
    title="How little must an image change to be taken for something else?",
    paper='"Adversarial examples" (article), and Goodfellow et al. 2015; not in the paper itself',
    parts={
        "mnist": Whole(run=mnist, networks=DIGIT_NETWORKS, images=True),
        "cifar10": Whole(run=cifar10, networks=(OBJECT_NETWORK,), images=True),
        "imagenet": Whole(run=imagenet, networks=PHOTOGRAPH_NETWORKS, images=True),
    },
)
