"""
Seconds, bytes and moments in, short texts out: ``18.2 s``, ``84 MB``, ``2 h``.

Sizes are decimal, as disks are sold.  Beyond the arrow: what every line of a report is made with.
"""

from __future__ import annotations

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Bounds lie where rounding would need another digit.
_TENTHS_FROM, _TENTHS_UNTIL = 0.0995, 99.95
_ONE_DIGIT, _THREE_DIGITS = 9.95, 999.5


def spell_seconds(seconds: float) -> str:
    """Spell a duration in milliseconds, in tenths of a second, or in its two largest units."""
    if seconds < _TENTHS_FROM:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _TENTHS_UNTIL:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def spell_size(size: int) -> str:
    """Spell a number of bytes in the unit that leaves one to three digits before the point."""
    amount, unit = float(size), 0
    while amount >= _THREE_DIGITS and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit and amount < _ONE_DIGIT else f"{amount:.0f} {_UNITS[unit]}"


def spell_age(seconds: float) -> str:
    """Spell how long ago something was, in its largest unit; what a clock puts into the future is now."""
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"


def count(number: int, noun: str) -> str:
    """Count things: ``1 file``, ``2 files``, ``3 entries``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
