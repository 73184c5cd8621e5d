import re
import shutil
import subprocess

import pandas as pd
import pytest

from benchmark.reporting.files import Item, table_items, table_path
from benchmark.reporting.formats import ROWS_ON_PAGE, escape_latex, escape_markdown, to_html, to_latex, to_markdown
from benchmark.reporting.model import Block, Entry, Row, Table

NASTY = r"50 % of A_1 & B #2 ~ {x} $5 ^ \cmd <b> |"


def _table(blocks: int = 1, rows: int = 1) -> Table:
    entries = (Entry("0.50", bold=True, aside="[0.48, +0.02]", notes=(NASTY,)), Entry("–", notes=("other",)))
    block = Block(NASTY, ("DC (↑)", "IoU (↑)"), (Row(NASTY, entries),) * rows, (("SA → SV", 2),))
    return Table(Item("table-5", "k", "Table V", "x"), (NASTY, "σ ≤ 0.2"), (block,) * blocks, pd.DataFrame(), ("± 1",))


def test_latex_escapes_what_is_special():
    assert escape_latex(NASTY) == (
        r"50 \% of A\_1 \& B \#2 \textasciitilde{} \{x\} \$5 \textasciicircum{} \textbackslash{}cmd "
        r"\textless{}b\textgreater{} \textbar{}"
    )
    assert escape_latex("[σ] é") == r"{[}$\sigma$]é".replace("]", "{]} ", 1)


def test_latex_shows_what_it_cannot_set():
    assert escape_latex("a中") == "a(U+4E2D)"


def test_latex_has_only_known_characters_and_balanced_parts():
    text = to_latex(_table())
    assert all(" " <= c <= "~" or c == "\n" for c in text)
    assert text.count(r"\begin{") == text.count(r"\end{")
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert r"\multicolumn{2}{c}{SA $\rightarrow$ SV}" in text
    assert r"\textbf{0.50}$^{a}$ {\tiny {[}0.48, +0.02{]}}" in text


def test_latex_divides_what_does_not_fit_on_a_page():
    text = to_latex(_table(blocks=3, rows=ROWS_ON_PAGE - 10))
    assert text.count(r"\begin{table*}") == 3
    assert text.count("Continued.") == 2
    assert text.count(r"\label{tab:table-5}") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_every_rendered_table_compiles(rendered, tmp_path):
    inputs = [table_path(rendered, item, "tex").resolve() for item in table_items(rendered)]
    body = "".join(f"\\input{{{path}}}\\clearpage\n" for path in inputs)
    head = "\\documentclass[twocolumn]{article}\\usepackage{booktabs,graphicx}\\begin{document}\n"
    (tmp_path / "all.tex").write_text(f"{head}{body}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout


def test_markdown_has_one_line_a_row_and_no_stray_markup():
    text = to_markdown(_table(rows=2))
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 4
    unescaped = [re.sub(r"\\.", "", line) for line in lines]
    assert {line.count("|") for line in unescaped} == {4}
    assert "**0.50**<sup>a</sup> <small>\\[0.48, +0.02\\]</small>" in text
    assert escape_markdown("a_b*c") == r"a\_b\*c"


def test_html_escapes_and_links_footnotes():
    text = to_html(_table())
    assert "<b>" not in text
    assert "&lt;b&gt;" in text
    assert '<a href="#table-5-a">a</a>' in text
    assert 'id="table-5-a"' in text
    assert '<th colspan="2" scope="colgroup">SA → SV</th>' in text
