"""Small perturbations: images that look as before and are taken for something else.

An article makes them from a network's outputs alone: it raises every value of an image in turn,
and moves all values by epsilon along the signs of what that changed. A cat becomes an airplane at
epsilon .05 and is no longer a cat from .01 on; at .05 nearly every test image is fooled.

References:
    planetaria, "Adversarial examples" (in Japanese), Deep Learning Advent Calendar 2016, day 13.
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572
"""

from evofool.experiments.registry import Experiment, Part
from evofool.experiments.small_perturbations import digits, gibbon, objects, photographs

EXPERIMENT = Experiment(
    name="small-perturbations",
    title="How little must an image change to be taken for something else?",
    so_what=(
        "If a level of 255 is enough, an image that people cannot tell from the real one can "
        "carry any label."
    ),
    paper='"Adversarial examples" (article), and Goodfellow et al. 2015; not in the paper itself',
    parts={
        "mnist": Part(
            measure=digits.measure,
            report=digits.report,
            claims=digits.CLAIMS,
            networks=digits.NETWORKS,
            images=True,
        ),
        "cifar10": Part(
            measure=objects.measure,
            report=objects.report,
            claims=(objects.ALMOST_ALL,),
            networks=(objects.NETWORK,),
            images=True,
        ),
        "imagenet": Part(
            measure=photographs.measure,
            report=photographs.report,
            claims=gibbon.CLAIMS,
            networks=photographs.NETWORKS,
            images=True,
        ),
    },
)
