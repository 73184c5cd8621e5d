import math
import re
from dataclasses import replace

import fake_benchmark as fake
import numpy as np
import pandas as pd
import pytest

from benchmark.config.load import load_claims
from benchmark.methods import registry as methods
from benchmark.metrics.overlap import DICE
from benchmark.metrics.preservation import BEFORE
from benchmark.metrics.registry import quantities
from benchmark.reporting import tables, tables_more
from benchmark.reporting.files import Item, table_items, table_path
from benchmark.reporting.model import Table
from benchmark.reporting.results import Results
from benchmark.reporting.tables_scores import Line, fill
from benchmark.results import scores
from benchmark.runtime import paths

MADE: dict[tuple[int, Item], tuple[Results, Table]] = {}


def build(results: Results, item: Item) -> Table:
    """A table, which is made once of the same results."""
    if (id(results), item) not in MADE:
        MADE[id(results), item] = results, tables.build(results, item)
    return MADE[id(results), item][1]


def _build(results: Results, number: str, dataset: str = "") -> Table:
    items = [i for i in table_items(results.config) if i.number == number and i.dataset == dataset]
    return build(results, items[0])


def _entry(table: Table, block: int, row: str, column: int):
    return next(r for r in table.blocks[block].rows if row in r.title).entries[column]


def _data(table: Table, **where) -> pd.Series:
    rows = table.data
    for key, value in where.items():
        rows = rows[rows[key].eq(value)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.fixture
def utility(results):
    return _build(results, "Table V")


def test_a_number_is_the_mean_over_subjects_of_all_folds(utility):
    subjects = [f"SA{i:02d}" for i in range(3)]
    expected = np.mean([fake.dice_of("histogram_matching", s, "lesion") for s in subjects])
    found = _data(utility, dataset="msseg", target="SV", row="histogram_matching", metric="dice")
    assert found["value"] == pytest.approx(expected)
    assert (found["n"], found["total"]) == (3, 3)
    assert _entry(utility, 0, "Histogram matching", 0).text == f"{expected:.2f}"


def test_seeds_are_averaged_within_subjects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = fake.Tree(datasets=("ixi_phantom",), seeds=(0, 1), subjects=10)
    results = Results.load(fake.write(tmp_path, tree))
    pair = results.pairs[0]
    # One subject has no number of the second seed: it must not weigh less than the others.
    table = results.table
    dice = table["metric"].eq("dice") & table["method"].eq("cyclegan") & table["label"].eq("GM")
    subjects = sorted(set(table[dice]["subject"]))
    results = Results(results.config, table[~(dice & table["seed"].eq(1) & table["subject"].eq(subjects[0]))])
    expected = [np.mean([fake.dice_of("cyclegan", s, "GM", seed) for seed in (0, 1)]) for s in subjects]
    expected[0] = fake.dice_of("cyclegan", subjects[0], "GM", 0)
    found = results.average(pair, "cyclegan", DICE, "GM")
    assert found.mean == pytest.approx(np.mean(expected))
    assert found.seed_sd > 0
    shown = _entry(_build(results, "Table V"), 0, "CycleGAN", 0).text
    assert shown.endswith(" ± 0.0007")  # as fake.dice_of has it: 0.001 / √2


def test_one_seed_has_no_spread(utility):
    assert "±" not in _entry(utility, 0, "CycleGAN", 0).text


def test_rows_and_blocks_are_the_papers(utility, config):
    titles = [row.title for row in utility.blocks[0].rows]
    assert titles[:3] == [
        "Source Segmentor → Source Image",
        "Target Segmentor → Target Image",
        "Target Segmentor → Source Image",
    ]
    assert titles[-1] == "Target Segmentor → Harmonized Image (Segmentation-renormalized, proposed)"
    assert [block.title for block in utility.blocks] == ["MS-SEG (leave one subject out)", "RETOUCH", "IXI phantom"]
    assert utility.blocks[0].groups == (("SA → SV", 2), ("SA → PI", 2))
    assert utility.blocks[1].groups == (("IRF", 2), ("SRF", 2), ("PED", 2))


def test_every_method_of_the_config_has_a_row_in_every_block(results):
    for item in table_items(results.config):
        if item.kind in ("table_fidelity", "table_utility", "table_sensitivity", "table_cost", "table_all"):
            for block in build(results, item).blocks:
                shown = " ".join(row.title for row in block.rows)
                for method in results.methods:
                    before = ("Source, Target", "Target Segmentor → Source Image")
                    assert method.title in shown or (method.name == "identity" and any(t in shown for t in before))


def test_a_method_without_any_rows_is_missing_and_says_so(results):
    table = results.table[results.table["method"].ne("segrenorm")]
    entry = _entry(_build(Results(results.config, table), "Table V"), 1, "renormalized", 0)
    assert (entry.text, entry.notes) == ("–", ("no score was written",))


def test_skipped_and_failed_cells_are_footnotes_with_coverage(utility):
    skipped = _entry(utility, 0, "SemGAN", 0)
    assert (skipped.text, skipped.notes) == ("–", (f"skipped: {fake.SPARSE}",))
    failed = _entry(utility, 0, "CycleGAN", 2)
    assert failed.aside.startswith("n 2/3")
    assert failed.notes == (f"failed: {fake.DIVERGED}",)
    assert any(remark.startswith("Coverage: ") and "4 are missing" in remark for remark in utility.remarks)


def test_a_class_absent_in_one_subject_is_counted(results):
    table = results.table.copy()
    where = table["metric"].eq("dice") & table["method"].eq("cyclegan") & table["target"].eq("SV") & table["fold"].eq(1)
    table.loc[where, ["value", "status", "reason"]] = [math.nan, "skipped", "the class is absent"]
    entry = _entry(_build(Results(results.config, table), "Table V"), 0, "CycleGAN", 0)
    assert entry.aside.startswith("n 2/3")
    assert entry.notes == ("skipped (1 subject): the class is absent",)


def test_every_mean_has_its_n_beside_it(results):
    counts = {}
    for item in table_items(results.config):
        if item.kind not in ("table_scanners", "table_claims"):
            entries = [e for block in build(results, item).blocks for row in block.rows for e in row.entries]
            bare = [e for e in entries if e.text != "–" and not re.match(r"n \d|\d+(/\d+)? folds?", e.aside)]
            assert not bare, item.key
            counts.setdefault(
                item.number, {re.match(r"n [\d/]+|[\d/]+ folds?", e.aside)[0] for e in entries if e.aside}
            )
    assert counts["Table IV"] == {"3 folds", "2/3 folds", "1 fold"}
    assert counts["Table V"] == {"n 3", "n 2/3", "n 2", "n 1"}


def test_best_is_bold_among_methods_and_never_a_control(results, utility):
    bold = [row.title for row in utility.blocks[2].rows if row.entries[0].bold]
    assert bold == ["Target Segmentor → Harmonized Image (Segmentation-renormalized, proposed)"]
    table = results.table.copy()
    table.loc[table["metric"].eq("dice") & table["method"].eq("identity"), "value"] = 0.99
    table.loc[table["metric"].eq("dice") & table["method"].isin(["cyclegan", "semgan"]), "value"] = 0.951
    table.loc[table["metric"].eq("dice") & table["method"].eq("segrenorm"), "value"] = 0.949
    again = _build(Results(results.config, table), "Table V").blocks[2].rows
    assert [row.entries[0].bold for row in again] == [False, False, False, False, True, True, True]


def test_published_numbers_stand_beside_obtained_ones_only_on_the_papers_data(utility):
    found = _data(utility, dataset="msseg", target="SV", row="cyclegan", metric="dice")
    assert found["published"] == 0.42
    assert found["difference"] == pytest.approx(found["value"] - 0.42)
    assert _entry(utility, 0, "CycleGAN", 0).aside == f"n 3 [paper 0.42, +{found['value'] - 0.42:.2f}]"
    assert _data(utility, dataset="ixi_phantom", row="cyclegan", metric="dice", label="GM")["published"] is None or (
        math.isnan(_data(utility, dataset="ixi_phantom", row="cyclegan", metric="dice", label="GM")["published"])
    )
    assert not any("paper" in e.aside for row in utility.blocks[2].rows for e in row.entries)
    assert _entry(utility, 0, "Histogram matching", 0).aside == "n 3"


def test_methods_below_no_harmonization_are_marked_with_the_number_of_pairs(results):
    table = results.table.copy()
    own = table["method"].eq("cyclegan") & table["metric"].eq("dice") & table["target"].eq("SV")
    table.loc[own, "value"] = 0.1
    made = Results(results.config, table)
    titles = [row.title for row in _build(made, "Table V").blocks[0].rows]
    assert [title for title in titles if "▼" in title] == [
        "Target Segmentor → Harmonized Image (CycleGAN) ▼ on 1 of 2 pairs"
    ]
    item = next(i for i in table_items(made.config) if i.key == "table-7-msseg-SA-SV")
    rows = tables_more.statistics(made, item).blocks[0].rows
    assert [row.title for row in rows if "▼" in row.title] == ["CycleGAN ▼"]
    assert made.mark("cyclegan", [made.pair("msseg", "SA-PI").key]) == ""


def test_suspect_numbers_of_the_paper_are_marked(utility):
    assert any("0.11 Dice" in note for note in _entry(utility, 1, "Target Image", 4).notes)
    assert not _entry(utility, 1, "Target Image", 0).notes
    assert not _entry(utility, 1, "Source Segmentor", 4).notes


def test_kid_is_pooled_over_folds_and_its_spread_is_over_all_subsets(results):
    table = _build(results, "Table IV")
    found = _data(table, dataset="msseg", target="SV", row="segrenorm", metric="kid")
    folds = [fake.kid_of("segrenorm", k) for k in range(3)]
    assert found["value"] == pytest.approx(np.mean(folds))
    assert found["sd_subsets"] == pytest.approx(math.sqrt(0.02**2 + np.var(folds)))
    assert _entry(table, 0, "renormalized", 0).text == "0.610 ± 0.02"
    before = np.mean([fake.kid_of("identity", k) for k in range(3)])
    share = _data(table, dataset="msseg", target="SV", row="segrenorm", metric="kid_gap_closed")
    assert share["value"] == pytest.approx(1 - np.mean(folds) / before)
    assert "RETOUCH CR → SP 50" in " ".join(table.remarks)


def test_kid_has_its_interval_over_subjects_and_its_floor_beside_it(results):
    table = _build(results, "Table IV")
    found = _data(table, dataset="msseg", target="SV", row="segrenorm", metric="kid")
    margin = 0.3 / math.sqrt(3)  # of three folds
    assert (found["low"], found["high"]) == pytest.approx((found["value"] - margin, found["value"] + margin))
    assert _entry(table, 0, "renormalized", 0).aside == "3 folds [0.437, 0.783]† [paper 0.48 ± 0.02, +0.13]"
    titles = [row.title for row in table.blocks[0].rows]
    assert titles[:2] == ["Source, Target", "Target, Target: two halves of its subjects"]
    floor = _entry(table, 0, "Target, Target", 0)
    assert (floor.text, floor.aside) == ("0.150 ± 0.02", "3 folds")
    assert any(remark.startswith("Test subjects: MS-SEG SA → SV 3 in 3 folds") for remark in table.remarks)
    assert not any("Target, Target" in row.title for row in table.blocks[1].rows)  # a share has no floor
    assert not any(remark.startswith("Unfit") for remark in table.remarks)


def test_a_pair_whose_kid_does_not_exceed_its_floor_is_marked(results):
    table = results.table.copy()
    floor = table["method"].eq("target_on_target") & table["metric"].eq("kid") & table["dataset"].eq("retouch")
    table.loc[floor, "value"] = 1.2
    made = _build(Results(results.config, table), "Table IV")
    assert "Unfit: RETOUCH CR → SP: KID of source against target does not exceed its floor." in made.remarks
    shares = {pair.title: _entry(made, 1, "CycleGAN", i).text for i, pair in enumerate(results.pairs)}
    assert [title for title, text in shares.items() if text == "–"] == ["CR → SP"]


def test_sensitivity_stands_beside_dice_and_is_not_bold_for_a_method_below_no_harmonization(results):
    table = _build(results, "Table VI")
    assert table.blocks[2].columns == ("MSE (↓)", "SSIM (↑)", "DC (↑)")
    dice = results.average(results.pair("ixi_phantom", "GE-PL"), "segrenorm", DICE, None).mean
    assert _entry(table, 2, "renormalized", 2).text == f"{dice:.3f}"
    assert [row.title for row in table.blocks[2].rows if row.entries[0].bold] == ["Segmentation-renormalized, proposed"]
    collapsed = results.table.copy()
    own = collapsed["method"].eq("segrenorm") & collapsed["metric"].eq("dice")
    collapsed.loc[own, "value"] = 0.1
    again = _build(Results(results.config, collapsed), "Table VI").blocks[2].rows
    assert [row.title for row in again if row.entries[0].bold] == ["SemGAN"]


def test_a_quantity_without_any_number_is_a_sentence_and_keeps_its_rows(results):
    table = _build(results, "Table IV")
    assert [block.title for block in table.blocks] == ["KID (↓)", "Share of the KID gap closed (↑)"]
    assert any(remark.startswith("No number of FID: skipped: FID is strongly biased") for remark in table.remarks)
    assert len(table.data[table.data["metric"].eq("fid")]) == 4 * 5


def test_methods_that_cannot_translate_back_keep_their_rows(results):
    entry = _entry(_build(results, "Table VI"), 1, "Histogram matching", 0)
    assert (entry.text, entry.notes) == ("–", ("skipped: the method does not translate from target to source",))


def test_csv_holds_the_numbers_of_the_scores(rendered):
    table = pd.read_csv(table_path(rendered, next(i for i in table_items(rendered) if i.key == "table-5"), "csv"))
    raw = scores.read(paths.scores(rendered.benchmark))
    for _, row in table[table["n"] > 0].iterrows():
        own = raw[raw["status"].eq("ok")]
        for column in ("dataset", "source", "target", "metric", "label"):
            own = own[own[column].eq(row[column])]
        own = own[own["method"].eq(row["row"])]
        assert row["value"] == pytest.approx(own["value"].mean(), rel=1e-6)
    assert len(table) == 2 * 2 * 7


def test_statistics_say_when_significance_was_impossible(results):
    item = next(i for i in table_items(results.config) if i.key == "table-7-msseg-SA-SV")
    table = build(results, item)
    block = table.blocks[0]
    assert (block.title, block.groups[0], block.columns[0]) == ("Proposed against", ("Dice (↑)", 1), "lesion")
    dice = {row.title: row.entries[0] for row in block.rows}
    assert dice["CycleGAN"].text == "0.100"
    assert dice["CycleGAN"].aside == "n 3 [0.100, 0.100]†"
    assert dice["CycleGAN"].notes == ("a test needs 20 subjects; there are 3",)
    assert (dice["SemGAN"].text, dice["SemGAN"].notes) == ("–", ("no subject has a number of both methods",))
    assert not any(entry.bold for row in block.rows for entry in row.entries)
    assert len(table.data) == 4 * len(set(zip(table.data["metric"], table.data["label"], strict=True)))


def test_classes_stand_in_the_order_of_the_dataset_in_every_table(results, utility):
    item = next(i for i in table_items(results.config) if i.key == "table-7-retouch-CR-SP")
    dice = build(results, item).blocks[0]
    assert dice.columns[:3] == ("IRF", "SRF", "PED")
    assert tuple(name for name, _ in utility.blocks[1].groups) == ("IRF", "SRF", "PED")


def test_a_pair_with_one_test_subject_has_no_best(results, utility):
    subjects = {pair.dataset.name: results.test_subjects(pair) for pair in results.pairs}
    assert subjects == {"msseg": 3, "retouch": 1, "ixi_phantom": 2}
    bold = {block.title: any(e.bold for row in block.rows for e in row.entries) for block in utility.blocks}
    assert bold == {"MS-SEG (leave one subject out)": True, "RETOUCH": False, "IXI phantom": True}
    assert not utility.data[utility.data["dataset"].eq("retouch")]["best"].any()


@pytest.mark.parametrize(("kind", "unit", "text"), [("oct", "mm³", "1.50"), ("mri", "mL", "0.00150")])
def test_volumes_of_oct_are_shown_in_cubic_millimetres(results, kind, unit, text):
    preparation = results.dataset("retouch").preparation.model_copy(update={"kind": kind})
    dataset = results.dataset("retouch").model_copy(update={"preparation": preparation})
    pair = replace(results.pair("retouch", "CR-SP"), dataset=dataset)
    column = tables_more._column(pair, BEFORE, "IRF")
    like = results.table[results.table["metric"].eq("dice") & results.table["dataset"].eq("retouch")]
    made = Results(results.config, like.assign(metric="volume_before", value=0.0015))
    filled = fill(made, "", [column], [Line("cyclegan", "CycleGAN")])
    assert f"[{unit}]" in filled.block.groups[0][0]
    assert filled.block.rows[0].entries[0].text == text
    assert (filled.data[0]["value"], filled.data[0]["unit"]) == (pytest.approx(0.0015), "mL")


def test_other_quantities_are_shown_once_and_nowhere_else(results):
    item = next(i for i in table_items(results.config) if i.key == "table-s1-ixi_phantom-GE-PL")
    table = build(results, item)
    assert set(table.data["metric"]) == {"gdice", "mae"}
    value = _data(table, row="cyclegan", metric="mae")["value"]
    assert value == pytest.approx(1 - fake.QUALITY["cyclegan"])


def test_verdicts_stand_beside_published_differences(results):
    table = _build(results, "Table IX")
    assert [block.title for block in table.blocks] == [
        "MS-SEG, SA → SV", "MS-SEG, SA → PI", "RETOUCH, CR → SP", "IXI phantom, GE → PL",
    ]  # fmt: skip
    found = _data(table, dataset="ixi_phantom", claim="Highest Dice", label="WM")
    assert (found["verdict"], found["why"]) == (
        "not tested",
        "with fewer than 3 subjects there is no interval and no test; s_cyclegan: not in this benchmark",
    )
    # The least in favour of the claim: SemGAN here, CycleGAN in the paper.
    assert (found["other"], found["difference"]) == ("semgan", pytest.approx(0.08))
    assert found["published"] == pytest.approx(0.81 - 0.73)
    assert _entry(table, 3, "Highest Dice, WM", 0).text == "+0.0800"
    assert _entry(table, 3, "Highest Dice, WM", 1).text == "+0.08"
    assert _data(table, dataset="msseg", target="PI", claim="Lowest KID")["published"] == 0  # a tie in the paper
    assert not table.data[table.data["dataset"].eq("msseg")]["claim"].str.startswith("Baselines below").any()
    below = _data(table, dataset="ixi_phantom", claim="Baselines below no harmonization, Dice", label="CSF")
    assert below["published"] == pytest.approx(0.80 - 0.85)
    inverted = _data(table, dataset="retouch", claim="Contrast inverted by baselines and not by the proposed method")
    assert (inverted["verdict"], inverted["why"]) == (
        "not tested", "Share of subjects with inverted contrast was not scored",
    )  # fmt: skip
    assert "Pairs of the paper that this benchmark does not run: msseg SV → PI." in table.remarks
    assert any("Highest Dice; Highest IoU: Section III-E" in remark for remark in table.remarks)


def test_the_papers_claims_name_methods_and_quantities_that_there_are():
    for claim in load_claims().claims:
        assert {*claim.methods, *claim.than} <= set(methods.available())
        assert quantities()[claim.quantity].better in ("higher", "lower")


def test_scanners_are_measured_beside_printed(results):
    table = _build(results, "Table I", "msseg")
    rows = {row.title: [e.text for e in row.entries] for row in table.blocks[0].rows}
    assert rows["Siemens Aera (SA)"] == [
        "1.5 T", "3", "5", "64 × 64 × 32", "128 × 224 × 256", "1 × 1 × 1.2", "1.2 × 1 × 1",
    ]  # fmt: skip
    assert rows["Siemens Verio (SV)"][4] == "–"
