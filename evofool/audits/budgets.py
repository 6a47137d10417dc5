"""How much an audit does: `quick`, `standard` or `full`.

A budget counts images, evaluations and gradients, never seconds: the same budget and seed give the
same result on a slow machine and on a fast one.
"""

from dataclasses import dataclass
from typing import Literal

from evofool.support import unknown_name

BudgetName = Literal["quick", "standard", "full"]
FEW_CLASSES = 100  # up to here runs are repeated with several seeds, above the classes are enough


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Evaluations of evolution, of each independent run.

    Attributes:
        least: however few classes there are.
        per_class: where that is more.
    """

    least: int
    per_class: int

    def of(self, classes: int) -> int:
        """Returns the evaluations of a run for so many classes."""
        return max(self.least, self.per_class * classes)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What an audit may spend.

    Attributes:
        name: by which it is chosen.
        real: real images, at most.
        seeds: independent runs of evolution against few classes; one against many.
        cppn: evaluations of a run with CPPNs.
        direct: evaluations of a run with pixels as genes.
        ascent_classes: classes for which gradients are followed from noise, at most.
        ascent_steps: gradients of each such image.
        nothing: images of noise, and as many of one colour and of ramps.
        attacked: real images that gradients change a little.
        pgd_steps: gradients for each of these and each size of the change.
        adaptive: those of them that APGD attacks, which costs most.
        adaptive_steps: its gradients for each of these, each size and either loss.
        one_pixel: real images of which one pixel is changed.
        patches: classes for which a patch is made.
        patch_steps: of each, gradients of 16 images.
        without_gradients: real images that are attacked by outputs and by decisions alone, of a
            classifier without gradients.
        control: evaluations of the controls, which need no more to behave as they should.
    """

    name: BudgetName
    real: int
    seeds: int
    cppn: Amount
    direct: Amount
    ascent_classes: int
    ascent_steps: int
    nothing: int
    attacked: int
    pgd_steps: int
    adaptive: int
    adaptive_steps: int
    one_pixel: int
    patches: int
    patch_steps: int
    without_gradients: int
    control: int = 4_000

    def runs(self, classes: int) -> int:
        """Returns the number of independent runs against so many classes."""
        return self.seeds if classes <= FEW_CLASSES else 1

    def batch(self, classes: int) -> int:
        """Returns the children of a generation."""
        return 100 if classes <= FEW_CLASSES else 400


BUDGETS: dict[str, Budget] = {
    budget.name: budget
    for budget in (
        Budget(
            name="quick",
            real=500,
            seeds=2,
            cppn=Amount(least=5_000, per_class=20),
            direct=Amount(least=3_000, per_class=5),
            ascent_classes=10,
            ascent_steps=40,
            nothing=100,
            attacked=50,
            pgd_steps=10,
            adaptive=16,
            adaptive_steps=20,
            one_pixel=4,
            patches=2,
            patch_steps=200,
            without_gradients=2,
        ),
        Budget(
            name="standard",
            real=2_000,
            seeds=3,
            cppn=Amount(least=20_000, per_class=200),
            direct=Amount(least=20_000, per_class=40),
            ascent_classes=40,
            ascent_steps=60,
            nothing=500,
            attacked=100,
            pgd_steps=10,
            adaptive=50,
            adaptive_steps=20,
            one_pixel=10,
            patches=3,
            patch_steps=1_000,
            without_gradients=5,
        ),
        Budget(
            name="full",
            real=10_000,
            seeds=5,
            cppn=Amount(least=100_000, per_class=2_000),
            direct=Amount(least=100_000, per_class=2_000),
            ascent_classes=1_000,
            ascent_steps=200,
            nothing=2_000,
            attacked=1_000,
            pgd_steps=40,
            adaptive=1_000,
            adaptive_steps=100,
            one_pixel=100,
            patches=10,
            patch_steps=2_000,
            without_gradients=20,
        ),
    )
}


def find_budget(name: str) -> Budget:
    """Returns the budget of a name.

    Raises:
        UserError: there is none.
    """
    if name not in BUDGETS:
        raise unknown_name("budget", name, BUDGETS)
    return BUDGETS[name]
