"""A table in Markdown, LaTeX and HTML."""

import re
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup

from benchmark.reporting.model import Block, Entry, Table
from benchmark.reporting.templates import environment

LATEX_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}",
    # Unprotected, a bracket at the start of a row is an argument of the \\ before it.
    "[": "{[}", "]": "{]}",
    "→": r"$\rightarrow$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "±": r"$\pm$", "×": r"$\times$", "−": r"$-$",
    "–": "--", "—": "---", "…": r"\ldots{}", "σ": r"$\sigma$", "γ": r"$\gamma$", "β": r"$\beta$", "λ": r"$\lambda$",
    "▼": r"$\bigtriangledown$", "†": r"$\dagger$",
    "≈": r"$\approx$", "≤": r"$\leq$", "≥": r"$\geq$", "≠": r"$\neq$", "²": r"$^2$", "³": r"$^3$", "ⁿ": r"$^n$",
    "½": r"$\frac{1}{2}$", "°": r"$^\circ$",
    "’": "'", "‘": "`", "“": "``", "”": "''", "\u00a0": "~", "µ": r"$\mu$", "μ": r"$\mu$",
}  # fmt: skip

ROWS_ON_PAGE = 46
HEAD_ROWS = 3
FITTED = r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi"
"""Sets box 0, shrunk to the line if it is too wide."""


def escape_latex(text: str) -> str:
    """Text for pdfLaTeX without packages; unknown characters become their code point."""
    return "".join(LATEX_SPECIAL.get(c) or (c if _settable(c) else f"(U+{ord(c):04X})") for c in text)


def _settable(character: str) -> bool:
    # pdfLaTeX's default font encoding composes all of these Latin letters but eth and thorn.
    return " " <= character <= "~" or ("À" <= character <= "ÿ" and character not in "ÐðÞþ×÷")


def escape_markdown(text: str) -> str:
    """Text with all markup escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def to_markdown(table: Table) -> str:
    """GitHub's Markdown. It has no spanning cells, so upper heads are joined to the lower ones."""
    marks = table.footnotes
    parts = [f"**{escape_markdown(table.heading)}.** " + "\n\n".join(map(escape_markdown, table.caption))]
    parts += [_markdown_block(block, marks) for block in table.blocks]
    parts += [f"<sup>{mark}</sup> {escape_markdown(note)}" for note, mark in marks.items()]
    parts += [escape_markdown(remark) for remark in table.below]
    return "\n\n".join(parts) + "\n"


def _markdown_block(block: Block, marks: dict[str, str]) -> str:
    def show(entry: Entry) -> str:
        text = f"**{escape_markdown(entry.text)}**" if entry.bold else escape_markdown(entry.text)
        aside = f" <small>{escape_markdown(entry.aside)}</small>" if entry.aside else ""
        return text + _sup(entry, marks, "<sup>{}</sup>".format) + aside

    groups = [name for name, span in block.groups for _ in range(span)] or [""] * len(block.columns)
    heads = [" ".join(filter(None, pair)) for pair in zip(groups, block.columns, strict=True)]
    lines = [
        [escape_markdown(h) for h in (block.title, *heads)],
        ["---", *["---:"] * (len(heads) - block.words), *["---"] * block.words],
    ]
    lines += [[escape_markdown(row.title), *map(show, row.entries)] for row in block.rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def to_latex(table: Table) -> str:
    """``table*`` floats for booktabs and graphicx, each fitting on a page."""
    marks = table.footnotes
    below = [f"$^{{{mark}}}$ {escape_latex(note)}" for note, mark in marks.items()]
    below += [escape_latex(remark) for remark in table.below]
    floats = _floats(table.blocks)
    lines = [r"% \usepackage{booktabs,graphicx} in the preamble, then \input this file."]
    for i, blocks in enumerate(floats):
        subject = f"{table.item.subject}. " if table.item.subject else ""
        caption = subject + (" ".join(table.caption) if i == 0 else "Continued.")
        lines += [
            r"\begin{table*}[tp]",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\renewcommand{{\thetable}}{{{table.item.number.removeprefix('Table ')}}}",
            rf"\caption{{{escape_latex(caption)}}}",
            *([rf"\label{{tab:{table.item.key}}}"] if i == 0 else []),
            "\n\n\\medskip\n".join(_latex_block(block, marks) for block in blocks),
        ]
        if below and i == len(floats) - 1:
            lines += [r"\par\smallskip\parbox{\linewidth}{\scriptsize", "\\\\\n".join(below), "}"]
        lines.append(r"\end{table*}")
    return "\n".join(lines) + "\n"


def _floats(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks grouped to fit on a page each."""
    parts: list[list[Block]] = [[]]
    for block in blocks:
        if parts[-1] and sum(len(b.rows) + HEAD_ROWS for b in [*parts[-1], block]) > ROWS_ON_PAGE:
            parts.append([])
        parts[-1].append(block)
    return parts


def _latex_block(block: Block, marks: dict[str, str]) -> str:
    def show(entry: Entry) -> str:
        text = rf"\textbf{{{escape_latex(entry.text)}}}" if entry.bold else escape_latex(entry.text)
        aside = rf" {{\tiny {escape_latex(entry.aside)}}}" if entry.aside else ""
        return text + _sup(entry, marks, "$^{{{}}}$".format) + aside

    columns = "r" * (len(block.columns) - block.words) + "l" * block.words
    lines = [rf"\begin{{tabular}}{{@{{}}l{columns}@{{}}}}", r"\toprule"]
    if block.groups:
        spans, rules, first = [""], [], 2
        for name, span in block.groups:
            spans.append(rf"\multicolumn{{{span}}}{{c}}{{{escape_latex(name)}}}")
            rules += [rf"\cmidrule(lr){{{first}-{first + span - 1}}}"] if name else []
            first += span
        lines += [_latex_row(spans), "".join(rules)]
    lines += [_latex_row(map(escape_latex, (block.title, *block.columns))), r"\midrule"]
    for row in block.rows:
        lines += [r"\midrule"] if row.rule else []
        lines.append(_latex_row([escape_latex(row.title), *map(show, row.entries)]))
    return "\n".join([r"\sbox0{%", *lines, r"\bottomrule", r"\end{tabular}}%", FITTED])


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _sup(entry: Entry, marks: dict[str, str], template: Callable[[str], str]) -> str:
    return template(",".join(marks[note] for note in dict.fromkeys(entry.notes))) if entry.notes else ""


def to_html(table: Table) -> Markup:
    """A ``figure`` element for the page's style sheet."""
    # The template escapes its values.
    return Markup(environment().get_template("table.html").render(table=table, marks=table.footnotes))
