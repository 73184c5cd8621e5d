"""Wording of messages."""


def counted(number: int, what: str) -> str:
    """A number and a noun: "1 fault", "2 faults"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
