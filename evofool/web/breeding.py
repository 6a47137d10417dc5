"""Breeding in the browser: founders, children, and one generation after the other.

One session at a time, which all windows see; it is a run directory, as of `evofool breed`.
"""

from collections.abc import Sequence
from threading import Lock

from evofool.images import Levels
from evofool.runs import Brood, Child, Elite, Run, breed
from evofool.support import UserError

MOST_KEPT = 20  # generations whose images can still be looked at


class Breeding:
    """The breeding session of a server.

    Args:
        run: whose elites are the founders; or a session, which is gone on with.
    """

    def __init__(self, run: Run):
        self._run = run
        self._lock = Lock()  # one generation at a time
        self._broods: list[Brood] = []

    def state(self) -> dict[str, object]:
        """Returns the founders, and the children of every generation that is kept."""
        broods = list(self._broods)
        return {
            "session": str(broods[-1].run.folder) if broods else None,
            "encoding": self._run.config.encoding,
            "founders": [_elite(elite) for elite in self._run.elites()],
            "generations": [[_child(child) for child in brood.children] for brood in broods],
        }

    def breed(
        self, classes: Sequence[int], numbers: Sequence[int], count: int, generation: int
    ) -> None:
        """Breeds a generation: of founders, in a new session, or of the newest children.

        Args:
            classes: class indices of founders.
            numbers: of the newest children, from 1.
            count: how many children.
            generation: that the numbers are of.

        Raises:
            UserError: as of `evofool.breed`, or another window has bred meanwhile.
        """
        with self._lock:
            if numbers and not self._broods:
                raise UserError("there are no children yet; choose founders")
            if numbers and self._broods[-1].run.generation != generation:
                raise UserError("another window has bred meanwhile; reload this one")
            run = self._broods[-1].run if numbers else self._run
            names = [f"index:{index}" for index in classes] if not numbers else []
            brood = breed(run, classes=names, numbers=numbers, children=count)
            self._broods = [*(self._broods if numbers else []), brood][-MOST_KEPT:]

    def founder(self, index: int) -> Levels:
        """Returns the image of the elite of a class.

        Raises:
            UserError: there is none.
        """
        return self._run.elite(index).image()

    def child(self, generation: int, number: int) -> Levels:
        """Returns the image of a child.

        Raises:
            KeyError: there is no such child, or it is not kept.
        """
        for brood in self._broods:
            for child in brood.children:
                if child.born == (generation, number):
                    return child.image
        raise KeyError(number)


def _elite(elite: Elite) -> dict[str, object]:
    return {
        "index": elite.class_index,
        "label": elite.label,
        "confidence": elite.confidence,
        "born": list(elite.born),
    }


def _child(child: Child) -> dict[str, object]:
    return {
        "born": list(child.born),
        "parents": [list(parent) for parent in child.parents],
        "index": child.class_index,
        "label": child.label,
        "confidence": child.confidence,
    }
