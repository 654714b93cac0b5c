"""Numbers of bytes as texts."""


def size_text(count: int) -> str:
    """Format a number of bytes with a unit.

    >>> size_text(999), size_text(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.1f} {units[0]}"
