"""Wording of messages."""


def counted(number: int, what: str) -> str:
    """A number and a noun: "1 fault", "2 faults"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def one_line(text: str) -> str:
    """The text with escapes for line ends and other characters that cannot be printed; names of files may have them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
