"""The attacks by their names on the command line, and the options of each."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from evofool.attacks.auto_pgd import apgd
from evofool.attacks.boundary import boundary
from evofool.attacks.carlini_wagner import carlini_wagner
from evofool.attacks.deepfool import deepfool
from evofool.attacks.finite_differences import finite_differences
from evofool.attacks.gradient_ascent import gradient_ascent
from evofool.attacks.gradient_sign import fgsm, pgd
from evofool.attacks.hop_skip_jump import hop_skip_jump
from evofool.attacks.inputs import Classes, Report
from evofool.attacks.lbfgs import lbfgs
from evofool.attacks.one_pixel import one_pixel
from evofool.attacks.patch import Patch, patch
from evofool.attacks.results import AttackResult
from evofool.attacks.universal import universal
from evofool.classifiers import Classifier
from evofool.images import Levels
from evofool.support import UserError, unknown_name


@dataclass(frozen=True, kw_only=True)
class FileAttack:
    """An attack as it is applied to files; its options follow from the function's signature.

    Attributes:
        name: on the command line.
        run: takes a classifier, images, labels, options and a report. Where it takes an epsilon or
            a size, that is a list, and the result has an axis of these.
        described: the public function whose docstring describes the attack and its options.
        starts_from_noise: whether it takes no images.
    """

    name: str
    run: Callable[..., AttackResult | Patch]
    described: Callable[..., NamedTuple]
    starts_from_noise: bool = False

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The options that the attack has, by name."""
        parameters = inspect.signature(self.run).parameters.values()
        is_option = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}
        return {name: p for name, p in is_option.items() if name != "report"}

    @property
    def axis(self) -> str | None:
        """The option that is a list of what to try; None where there is none."""
        return next((name for name in ("epsilon", "size") if name in self.options), None)

    def needs(self, option: str) -> bool:
        """Whether the attack has an option without a default."""
        return option in self.options and self.options[option].default is inspect.Parameter.empty

    def check(self, options: Mapping[str, object]) -> None:
        """Refuses options that the attack does not have, and the lack of a target that it needs.

        Raises:
            UserError: says which attacks have the option, or what to give.
        """
        for option in options:
            if option not in self.options:
                raise self.refusal(option)
        if self.needs("target") and "target" not in options:
            raise UserError(f"{self.name} looks for a class that you choose; give a target")

    def refusal(self, option: str) -> UserError:
        """Returns the error that names the attacks which have an option."""
        others = [name for name, other in ATTACKS.items() if option in other.options]
        hint = f"; those that do: {', '.join(others)}" if others else ""
        return UserError(f"{self.name} takes no {option}{hint}")


def find_attack(name: str) -> FileAttack:
    """Returns the attack of a name; "_" does for "-".

    Raises:
        UserError: there is no such attack; says which there are.
    """
    name = name.replace("_", "-")
    if name not in ATTACKS:
        raise unknown_name("attack", name, ATTACKS)
    return ATTACKS[name]


def _universal(
    classifier: Classifier,
    images: Levels,
    labels: np.ndarray,
    *,
    target: Classes | None = None,
    epsilon: Sequence[float],
    norm: str = "linf",
    rate: float = 0.8,
    passes: int = 10,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Runs `universal` for each epsilon; each has its own state file."""
    results = []
    for value in epsilon:
        file = None if save is None else Path(save).with_stem(f"{Path(save).stem}-{value:g}")
        options = {"norm": norm, "rate": rate, "passes": passes, "seed": seed, "save": file}
        options |= {"target": target, "epsilon": value, "report": report}
        change = universal(classifier, images, labels, **options)
        results.append(change.attack)
    return jax.tree.map(lambda *leaves: np.stack(leaves), *results)


def _gradient_ascent(
    classifier: Classifier,
    images: Levels,
    labels: np.ndarray,
    *,
    target: int,
    settings: str = "plain",
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Runs `gradient_ascent`, which draws the noise in `images` itself."""
    del images, labels
    options = {"settings": settings, "seed": seed, "save": save, "report": report}
    return gradient_ascent(classifier, target, **options).attack


ATTACKS = {
    entry.name: entry
    for entry in (
        FileAttack(name="fgsm", run=fgsm, described=fgsm),
        FileAttack(name="pgd", run=pgd, described=pgd),
        FileAttack(name="apgd", run=apgd, described=apgd),
        FileAttack(name="finite-differences", run=finite_differences, described=finite_differences),
        FileAttack(name="universal", run=_universal, described=universal),
        FileAttack(name="patch", run=patch, described=patch),
        FileAttack(name="deepfool", run=deepfool, described=deepfool),
        FileAttack(name="lbfgs", run=lbfgs, described=lbfgs),
        FileAttack(name="carlini-wagner", run=carlini_wagner, described=carlini_wagner),
        FileAttack(name="hop-skip-jump", run=hop_skip_jump, described=hop_skip_jump),
        FileAttack(name="boundary", run=boundary, described=boundary),
        FileAttack(name="one-pixel", run=one_pixel, described=one_pixel),
        FileAttack(
            name="gradient-ascent",
            run=_gradient_ascent,
            described=gradient_ascent,
            starts_from_noise=True,
        ),
    )
}
