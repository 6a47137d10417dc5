"""Our classifiers as the attacks of foolbox and of ART are given them."""

import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evofool import Classifier

# what these packages warn of where they are imported, and not for us to mend
WARNINGS = ("ignore::DeprecationWarning", "ignore:PyTorch not found:UserWarning")


def mend_torchvision(torch: Any) -> None:
    """Lets torchvision be imported: timm and pytorch-ood do so, whatever of it they use.

    Its wheels are built for PyTorch with CUDA. Beside one for processors its operators are missing,
    and it stumbles over these.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{name}",
                "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            )


def for_foolbox(classifier: Classifier) -> Any:
    """A foolbox model; images are in [0, 1]."""
    import foolbox

    apply = jax.jit(classifier.apply)
    return foolbox.JAXModel(lambda images: apply(classifier.params, images), bounds=(0, 1))


def for_art(classifier: Classifier) -> Any:
    """An ART classifier that counts the images it is shown; images are in [0, 1]."""
    from art.estimators import BaseEstimator, NeuralNetworkMixin
    from art.estimators.classification.classifier import ClassGradientsMixin, ClassifierMixin

    params = classifier.params
    apply = jax.jit(classifier.apply)
    slopes = jax.jit(jax.vmap(jax.jacrev(lambda image: apply(params, image[None])[0])))

    def entropy(images, wanted):
        return -jnp.sum(wanted * jax.nn.log_softmax(apply(params, images)))

    slope = jax.jit(jax.grad(entropy))

    class Ours(ClassGradientsMixin, ClassifierMixin, NeuralNetworkMixin, BaseEstimator):
        shown = 0

        def __init__(self):
            super().__init__(model=None, clip_values=(0.0, 1.0), channels_first=False)
            self.nb_classes = classifier.card.classes

        @property
        def input_shape(self):
            return classifier.card.input_shape

        def predict(self, x, batch_size=128, **_):
            self.shown += len(x)
            parts = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
            return np.concatenate([apply(params, part.astype(np.float32)) for part in parts])

        def class_gradient(self, x, label=None, **_):
            assert label is None
            return np.asarray(slopes(x.astype(np.float32)))

        def loss_gradient(self, x, y, **_):
            return np.asarray(slope(x.astype(np.float32), y.astype(np.float32)))

        fit = get_activations = None  # ART asks for them, and these attacks call neither

    return Ours()
