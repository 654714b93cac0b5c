"""`size_text`: a number of bytes as a text with a unit, for messages."""


def size_text(count: int) -> str:
    """Format a number of bytes with a decimal unit: 1 kB is 1000 bytes.

    >>> size_text(999), size_text(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    value, unit = count / 1000, "kB"
    for larger_unit in ("MB", "GB", "TB", "PB", "EB"):
        if value < 999.95:  # Larger values would be printed as 1000.0.
            break
        value, unit = value / 1000, larger_unit
    return f"{value:.1f} {unit}"
