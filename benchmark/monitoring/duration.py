"""Durations as text."""

DAYS = 365.25
"""Of a year."""


def duration(seconds: float) -> str:
    """The two largest units of a duration, such as ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 600:
        minutes, seconds = divmod(round(seconds), 60)
        return f"{minutes} min {seconds:02d} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d} h" if days < DAYS else f"{days / DAYS:.1f} years"


def device_time(seconds: float, device: str) -> str:
    """Time of all devices together, such as ``2.50 CPU-hours`` or ``12.0 GPU-days``."""
    hours = seconds / 3600
    if hours < 48:
        return f"{hours:.2f} {device}-hours"
    days = hours / 24
    return f"{days:.1f} {device}-days" if days < DAYS else f"{days / DAYS:.1f} {device}-years"
