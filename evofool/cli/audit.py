"""The commands that audit a classifier: audit, audit-diff."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from evofool.cli.exit_codes import FAILED, INVALID, OK, STOPPED
from evofool.cli.flags import Json, check_combine, refuse_unused
from evofool.cli.lines import say
from evofool.cli.numbers import MaybeDevices, MaybePositive, MaybeShare, Seed, decimal
from evofool.cli.startup import start_jax
from evofool.support import UserError

if TYPE_CHECKING:
    from evofool.audits import AuditResult

Address = Annotated[str, tyro.conf.Positional]
Gates = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]
Bar = Annotated[float, decimal(0.0, 1.0)]
Remedies = Annotated[tuple[str, ...], tyro.conf.arg(name="try")]
ListMetrics = Annotated[bool, tyro.conf.arg(name="metrics")]
Audit = Annotated[Path, tyro.conf.Positional]
SHOWN = r"(fooled|replay)@.*|certain\.(real|noise)@.*|accuracy|ece|auroc\.(msp|best)|success\.pgd@2"


def audit(
    address: Address = "",
    *,
    out: Path | None = None,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    images: Path | None = None,
    labels: Path | None = None,
    dataset: Literal["mnist", "cifar10"] | None = None,
    data: Path | None = None,
    invert: bool = False,
    budget: Literal["quick", "standard", "full"] = "quick",
    seed: Seed = 0,
    threshold: Bar = 0.99,
    fail_if: Gates = (),
    list_metrics: ListMetrics = False,
    expect_accuracy: MaybeShare = None,
    golden: Path | None = None,
    baseline: Path | None = None,
    not_worse_than: Path | None = None,
    replay: Path | None = None,
    remedies: Remedies = (),
    max_seconds: MaybePositive = None,
    overwrite: bool = False,
    devices: MaybeDevices = None,
    no_cache: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> int:
    """Measures how certain a classifier is about images of nothing.

    Writes one page (audit.html), audit.json, junit.xml and the images found (elites). It checks
    first that the classifier is used as it is meant: scale, channels, accuracy; if not, nothing
    else is measured. Real images are needed for thresholds, detectors, calibration and small
    changes. The same command goes on with an audit that was stopped.

      evofool audit lenet --dataset mnist --out audit
      evofool audit NAME --weights nets --images val --labels val.csv --out audit
      evofool audit NAME ... --fail-if 'fooled@0.99>0.5' --fail-if 'auroc.msp<0.9'
      evofool audit NAME ... --replay last-release --out again
      evofool audit NAME ... --not-worse-than last-release --out audit
      evofool audit --metrics

    Exit codes: 0 passed, 1 a gate failed, 2 bad input, 3 the audit is not valid, 4 it was stopped
    before its end.

    Args:
        address: the classifier: a name such as lenet, the address of a model such as timm:resnet18,
            "a+b" for an ensemble, or module:factory.
        out: folder to write.
        weights: .safetensors file, or the folder that holds NAME.safetensors.
        combine: confidence of an ensemble: the mean or the minimum of its members'.
        images: folder of real images of the classifier's classes.
        labels: CSV file of these images, with the columns file and index.
        dataset: use the test images of mnist or cifar10.
        data: folder of the data set; by default that of EVOFOOL_DATA, or the user cache.
        invert: exchange dark and bright in --images.
        budget: how much to search: quick takes a minute for small networks, standard ten minutes
            for larger ones, full hours.
        seed: seed of everything random; the same seed gives the same page.
        threshold: confidence from which the classifier is believed.
        fail_if: condition under which the audit fails, such as 'fooled@0.99>0.5'; repeatable.
        list_metrics: list the metrics that conditions can name, and stop.
        expect_accuracy: accuracy that is known, from 0 to 1; another one makes the audit invalid.
        golden: .npz file with arrays inputs and outputs, made by one's own code; other outputs
            make the audit invalid.
        baseline: earlier audit (its folder or audit.json) to show beside this one.
        not_worse_than: the same, and fail if this audit is worse.
        replay: folder of an earlier audit, whose images are shown instead of a search for new ones.
        remedies: try what may help: temperature, threshold.
        max_seconds: stop after this wall time.
        overwrite: replace the audit in --out.
        devices: number of JAX devices to split the processor into; by default one per core.
        no_cache: do not cache compiled programs on disk.
        quiet: print no progress.
        as_json: print status and metrics as JSON.
    """
    if list_metrics:
        return _list_metrics(as_json)
    if not address or out is None:
        raise UserError("an audit needs a classifier and a folder: evofool audit ADDRESS --out DIR")
    if baseline is not None:
        refuse_unused("with --baseline, which it includes", not_worse_than=not_worse_than)
    check_combine(address, combine)
    start_jax(devices=devices, evolves=True, cache=not no_cache)
    from contextlib import nullcontext

    from evofool.audits import audit
    from evofool.cli.progress import parts
    from evofool.runs import progress_output

    with nullcontext() if quiet else parts(progress_output()) as report:
        result = audit(
            address,
            out=out,
            weights=weights,
            combine=combine,
            images=images,
            labels=labels,
            dataset=dataset,
            data=data,
            invert=invert,
            budget=budget,
            seed=seed,
            threshold=threshold,
            fail_if=fail_if,
            expect_accuracy=expect_accuracy,
            golden=golden,
            baseline=baseline,
            not_worse_than=not_worse_than,
            replay=replay,
            remedies=remedies,
            max_seconds=max_seconds,
            overwrite=overwrite,
            report=report,
        )
    return _report(result, as_json=as_json)


def _list_metrics(as_json: bool) -> int:
    """Prints the names of all metrics and what they are."""
    from evofool.audits import METRICS
    from evofool.cli.console import make_table, output, print_json

    if as_json:
        print_json(METRICS)
    else:
        output().print(make_table(["metric", "what it is"], list(METRICS.items())))
        say("P is a confidence such as 0.99. Shares are from 0 to 1.")
    return OK


def _report(result: "AuditResult", *, as_json: bool) -> int:
    """Prints what was found, and returns the exit code."""
    from evofool.cli.console import make_table, output, print_json

    record = result.record
    code = {"passed": OK, "failed": FAILED, "invalid": INVALID, "stopped": STOPPED}
    if as_json:
        # without the images one by one, which audit.json has
        print_json({name: part for name, part in record.items() if name != "sources"})
        return code[record["status"]]
    metrics = [
        (name, f"{one['value']:.4g}", _interval(one["low"], one["high"]), one["n"])
        for name, one in record["metrics"].items()
        if re.fullmatch(SHOWN, name)
    ]
    if metrics:
        output().print(make_table(["metric", "value", "95 % interval", "n"], metrics))
    tests = record["comparison"]["tests"] if "comparison" in record else []
    checks = [(c["name"], c["passed"], c["detail"]) for c in record["checks"]]
    checks += [(v["gate"], v["passed"], v["detail"]) for v in [*record["gates"], *tests]]
    for name, passed, detail in checks:
        if not passed:
            say(f"FAILED {name}: {detail}")
    say(f"{record['status']}{': ' if record['reason'] else ''}{record['reason']}")
    if record["status"] == "stopped":
        say("the same command goes on, if it has no --overwrite")
    say(f"page: {result.page}")
    return code[record["status"]]


def _interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:.3g} to {high:.3g}"


def audit_diff(before: Audit, after: Audit, *, as_json: Json = False) -> None:
    """Puts two audits side by side: every metric of both.

    "apart" marks metrics whose 95 % intervals do not overlap.

      evofool audit-diff last-release audit
      evofool audit-diff last-release/audit.json audit/audit.json --json

    Args:
        before: folder of an audit, or its audit.json.
        after: the same of a later one.
        as_json: print JSON.
    """
    from evofool.audits import compare_metrics, read_summary
    from evofool.cli.console import make_table, output, print_json

    first, second = read_summary(before), read_summary(after)
    differences = compare_metrics(first["metrics"], second["metrics"])
    if as_json:
        print_json(
            {
                "before": {"about": first["about"], "status": first["status"]},
                "after": {"about": second["about"], "status": second["status"]},
                "differences": differences,
            }
        )
        return
    rows = []
    for one in differences:
        old, new = one["before"], one["after"]
        cells = [None if each is None else f"{each['value']:.4g}" for each in (old, new)]
        change = None if old is None or new is None else f"{new['value'] - old['value']:+.4g}"
        rows.append([one["metric"], *cells, change, "apart" if one["is_apart"] else ""])
    output().print(make_table(["metric", "before", "after", "change", ""], rows))
    for name, record in (("before", first), ("after", second)):
        about = record["about"]
        say(
            f"{name}: {about['name']}, {record['status']}, budget {about['budget']}, seed "
            f"{about['seed']}"
        )
