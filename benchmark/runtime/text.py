"""How messages put things."""


def counted(number: int, what: str) -> str:
    """A number of things whose plural has an s: "1 fault", "2 faults"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
