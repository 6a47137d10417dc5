"""JUnit XML, which every CI server shows: a test for each check and each gate."""

from pathlib import Path
from xml.etree import ElementTree

from evofool.audits.record import STOPPED, Record
from evofool.support import printable, replacing

FILE = "junit.xml"


def write_junit(path: Path, record: Record) -> None:
    """Writes the checks, gates and comparisons of an audit, atomically.

    An audit that was stopped has a test for that, which is an error and not a failure.
    """
    cases = [("validity", c["name"], c["passed"], c["detail"]) for c in record["checks"]]
    cases += [("gates", g["gate"], g["passed"], g["detail"]) for g in record["gates"]]
    if "comparison" in record:
        tests = record["comparison"]["tests"]
        cases += [("baseline", t["gate"], t["passed"], t["detail"]) for t in tests]
    is_stopped = record["status"] == STOPPED
    failures = sum(not passed for _, _, passed, _ in cases)
    counts = {"tests": len(cases) + is_stopped, "failures": failures, "errors": int(is_stopped)}
    texts = {name: str(count) for name, count in counts.items()}
    suites = ElementTree.Element("testsuites", texts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "evofool audit", **texts})
    for group, name, passed, detail in cases:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": f"evofool.audit.{group}", "name": _text(name)}
        )
        kind = "system-out" if passed else "failure"
        said = ElementTree.SubElement(case, kind, {} if passed else {"message": _text(detail)})
        said.text = _text(detail)
    if is_stopped:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": "evofool.audit", "name": "went to its end"}
        )
        ElementTree.SubElement(case, "error", {"message": _text(record["reason"])})
    ElementTree.indent(suites)
    content = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content + b"\n")


def _text(text: str) -> str:
    """Returns text without the letters that XML does not allow."""
    return printable(text).encode("utf-8", "replace").decode("utf-8")
