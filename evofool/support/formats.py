"""Numbers as text for people: percentages, durations, sizes of files.

A percentage has a space before its sign. A confidence near 0 or 1 is never rounded to certainty;
the share of a count may be 0 % or 100 %.
"""

import math


def percent(confidence: float, *, step: float = 0.0) -> str:
    """Writes a confidence in [0, 1] with four decimals, never rounded to 0 or 1.

    Args:
        confidence: to write; "nan" if it is no number.
        step: of which confidences are multiples, as those of quantised classifiers are: digits that
            tell no two of them apart are left out. 0 if there is none.

    Example:
        >>> [percent(confidence) for confidence in (1e-9, 0.5, 0.99998712, 1.0, math.nan)]
        ['< 0.0001 %', '50.0000 %', '99.9987 %', '> 99.9999 %', 'nan']
        >>> [percent(confidence, step=1 / 256) for confidence in (0.001, 0.99609375, 1.0)]
        ['0.1 %', '99.6 %', '> 99.9 %']
    """
    if math.isnan(confidence):
        return "nan"
    # a step that was found in float32 may be a little below 0.01
    digits = min(4, max(0, -math.floor(math.log10(100 * step) + 1e-4))) if step else 4
    least = 10.0**-digits  # the smallest that is written, in percent
    written = f"{100 * confidence:.{digits}f}"
    if confidence > 0 and not float(written):
        return f"< {least:.{digits}f} %"
    return f"{written} %" if float(written) < 100 else f"> {100 - least:.{digits}f} %"


def as_percentage(share: float) -> str:
    """Writes a share or a confidence in [0, 1] with as few decimals as it needs.

    Near 1 it has the digits that tell confidences apart, and is not rounded up to what counts as
    certain (99 %, 99.99 %, 100 %).

    Example:
        >>> [as_percentage(share) for share in (0.0048480, 0.5, 0.9967, 0.99986, 1 - 1e-9, 1.0)]
        ['0.4848 %', '50.0 %', '99.67 %', '99.9860 %', '> 99.9999 %', '100 %']
    """
    if not 0.01 < share < 1:
        return f"{100 * share:.4g} %"
    shortest = (f"{100 * share:.{digits}f}" for digits in (1, 2))
    for text, bar in zip(shortest, (99, 99.99), strict=True):
        if float(text) < bar:
            return f"{text} %"
    return percent(share)


def rounded_percent(share: float, *, digits: int = 1) -> str:
    """Writes the share of a count, in [0, 1], with a fixed number of decimals.

    Example:
        >>> rounded_percent(0.9967), rounded_percent(0.98765, digits=2)
        ('99.7 %', '98.77 %')
    """
    return f"{100 * share:.{digits}f} %"


def duration(seconds: float | int) -> str:
    """Writes a duration in seconds.

    Example:
        >>> duration(8.2), duration(185), duration(8040)
        ('8 s', '3:05', '2:14:00')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def gigabytes(count: int) -> str:
    """Writes a number of bytes.

    Example:
        >>> gigabytes(860_000_000)
        '0.86 GB'
    """
    return f"{count / 1e9:.2f} GB"
