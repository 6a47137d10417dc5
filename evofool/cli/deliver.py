"""The commands that hand elites on or question them: export, poster, quiz, verify."""

from pathlib import Path

from evofool.cli.flags import Json, RunFolder
from evofool.cli.startup import start_jax


def export(run: RunFolder, *, out: Path) -> None:
    """Writes every elite as a PNG with its genome as JSON beside it, and elites.csv.

    OUT/images has one folder per class, as ImageFolder-style loaders read them, named by its
    WordNet id where it has one; class, confidence and seed are in the names of the files.

      evofool export runs/cppn-0 --out exported

    Args:
        run: run directory.
        out: folder to write; it must not hold anything yet.
    """
    start_jax()
    from evofool.runs import export

    paths = export(run, out)
    print(f"{len(paths)} images in {out / 'images'}, table in {out / 'elites.csv'}")


def poster(
    run: RunFolder,
    *,
    out: Path,
    count: int = 24,
    size: int = 4096,
    least: float = 0.99,
) -> None:
    """Draws the most striking elites anew, large enough to print, with a page of all of them.

    The rule: of the elites with a confidence of LEAST or more, the half with most colour and
    contrast; of these, the ones that look least alike. OUT gets a PNG of each, poster.jpg and
    index.html. A poster that was stopped goes on where it was.

      evofool poster runs/imagenet-cppn-0 --out poster
      evofool poster runs/cppn-0 --out wall --count 6 --size 8192

    Args:
        run: run directory; all its independent runs are chosen from.
        out: folder to write; it must not hold anything else yet.
        count: number of elites.
        size: pixels along the longer side of each.
        least: confidence that they have at least.
    """
    start_jax()
    from evofool.runs import poster

    paths = poster(run, out, count=count, size=size, least=least)
    print(f"{len(paths)} images in {out}, all of them in {out / 'poster.jpg'} and index.html")


def quiz(
    run: RunFolder,
    *,
    out: Path,
    questions: int | None = None,
    seed: int = 0,
    data: Path | None = None,
    judge: str | None = None,
    judge_weights: Path | None = None,
    as_json: Json = False,
) -> None:
    """Writes a blind sheet of the elites and its answer key, to test whether people see a class.

    OUT/sheet.png asks, OUT/choices.txt lists the classes to choose from, OUT/answers.png is the
    same sheet with its answers, OUT/answer_key.csv and .json hold them as data. Two proxies are
    printed: how many images have their class as the label of the nearest training image
    (pixels; needs MNIST), and how many an independent network, the judge, puts into their class.

      evofool quiz runs/cppn-0 --out quiz
      evofool quiz runs/cppn-0 --out quiz --judge lenet --judge-weights other.safetensors

    Args:
        run: run directory.
        out: folder to write; it must not hold anything yet.
        questions: number of images; all up to 50, and 50 of more than that, unless given.
        seed: of the choice and the order of the images.
        data: folder with MNIST; else $EVOFOOL_DATA and the user cache are tried.
        judge: an independent classifier for the same classes; images are scaled to its size.
        judge_weights: its weights, when it does not ship with the package.
        as_json: print JSON.
    """
    start_jax()
    from evofool.classifiers import load_classifier
    from evofool.cli.console import print_json
    from evofool.runs import quiz
    from evofool.support import UserError

    if judge is None and judge_weights is not None:
        raise UserError("--judge-weights needs --judge: the name of the network they are for")
    network = None if judge is None else load_classifier(judge, weights=judge_weights)
    made = quiz(run, out, questions=questions, seed=seed, judge=network, data_dir=data)
    if as_json:
        print_json(made)
        return
    asked = f"of {made.questions} (guessing: 1 in {made.choices})"
    print(
        f"{made.questions} of {made.elites} images, {made.choices} classes to choose from "
        f"({out / 'choices.txt'})\nblind sheet: {out / 'sheet.png'}, answers: "
        f"{out / 'answers.png'}, {out / 'answer_key.csv'} (and .json)"
    )
    if made.nearest_right is None:
        print(f"nearest training image: unknown; {made.nearest_missing}")
    else:
        print(f"nearest training image: has the class of {made.nearest_right} {asked}")
    if made.judge_right is None:
        print("independent network: none given; name one with --judge")
    else:
        scaled = ", shown the images scaled to its size," if made.judge_scaled else ""
        print(f"independent network {judge}{scaled} recognises {made.judge_right} {asked}")


def verify(run: RunFolder, *, tolerance: float | None = None, as_json: Json = False) -> int:
    """Draws and scores every elite again and compares with the archive.

    Each elite is drawn from its genome and read from its exported PNG; both are scored as they
    were in the run. Exit code 1 when a confidence differs by more than the tolerance.

      evofool verify runs/cppn-0
      evofool verify runs/cppn-0 --tolerance 1e-6 --json

    Args:
        run: run directory.
        tolerance: largest difference in confidence; 1e-5 on the kind of machine that made the
            run and 1e-2 elsewhere, unless given.
        as_json: print JSON.
    """
    start_jax()
    from evofool.cli.console import print_json
    from evofool.runs import verify

    result = verify(run, tolerance=tolerance)
    if as_json:
        print_json(result.to_dict())
    else:
        machine = "the same kind of" if result.is_same_platform else "another kind of"
        print(
            f"{result.elites} elites, on {machine} machine\n"
            f"largest difference in confidence, drawn from the genome: {result.from_genome:.3g}\n"
            f"                                  read from the PNG:     {result.from_png:.3g}\n"
            f"allowed: {result.tolerance:g}: "
            + ("verified" if result.passed else f"FAILED, most for class {result.worst}")
        )
    return 0 if result.passed else 1
