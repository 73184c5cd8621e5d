import math

import pandas as pd

from benchmark.reporting.leaderboard_table import leaderboard_table, ranked_rows, read_board
from benchmark.reporting.results import Results


def _rows(**scores: tuple[float, float]) -> pd.DataFrame:
    """Dice and rank of each method."""
    rows = []
    for name, (dice, rank) in scores.items():
        kind = "control" if name.startswith("control") else "learned"
        rows.append({"method": name, "kind": kind, "dice": dice, "rank": rank})
    return pd.DataFrame(rows)


def _ranked(results: Results) -> pd.DataFrame:
    """The board with ranks by mean Dice on every pair, as if each difference were significant."""
    board = read_board(results.config)
    contenders = board[board["kind"].ne("control") & board["dice"].notna()]
    ranks = contenders.groupby(["dataset", "source", "target"])["dice"].rank(ascending=False)
    return board.assign(rank=ranks)


def collapsed(results: Results) -> Results:
    """CycleGAN is worse than no harmonization on the IXI phantom."""
    table = results.table.copy()
    own = table["method"].eq("cyclegan") & table["metric"].eq("dice") & table["dataset"].eq("ixi_phantom")
    table.loc[own, "value"] = 0.1
    return Results(results.config, table)


def test_rows_are_in_the_order_of_ranks_then_of_means_and_controls_come_last():
    found = ranked_rows(
        _rows(worst=(0.3, 3), control=(0.9, math.nan), near=(0.66, 1), none=(math.nan, math.nan), best=(0.7, 1))
    )
    assert list(found["method"]) == ["best", "near", "worst", "none", "control"]
    assert list(found["rank"].fillna(0)) == [1, 1, 3, 0, 0]


def test_without_ranks_means_give_the_order():
    found = ranked_rows(_rows(b=(0.1, math.nan), a=(0.9, math.nan)))
    assert list(found["method"]) == ["a", "b"]
    assert found["rank"].isna().all()


def test_without_any_number_there_are_no_ranks():
    found = ranked_rows(_rows(a=(0.5, 1), b=(0.5, 1))[["method", "kind"]])
    assert found["rank"].isna().all()


def test_a_board_without_the_primary_quantity_is_shown(results):
    board = read_board(results.config)
    table = leaderboard_table(results, board.drop(columns=[c for c in board if c.startswith("dice")]))
    assert {row.entries[0].text for row in table.blocks[1].rows} == {"–"}


def test_overall_ranks_are_over_the_pairs_that_rank(results):
    board = _ranked(results)
    pairs = board[["dataset", "source", "target"]].apply(tuple, axis=1)
    board.loc[pairs == pairs[0], "rank"] = math.nan
    table = leaderboard_table(results, board)
    assert {row.entries[0].text for row in table.blocks[1].rows} == {"–"}
    assert table.blocks[0].columns[2] == "first or tied with it, of 3 pairs"
    overall = {row.title: [entry.text for entry in row.entries] for row in table.blocks[0].rows}
    assert overall["Segmentation-renormalized, proposed"][:3] == ["1", "1", "3"]
    assert overall["SemGAN"][0] == "–"


def test_without_ranks_nothing_is_marked(results):
    board = _ranked(results).assign(dice_tied=True)
    board.loc[board["target"].eq("SV"), "rank"] = math.nan
    blocks = leaderboard_table(results, board).blocks
    marks = [
        [(entry.bold, "≈" in entry.text) for row in block.rows for entry in row.entries if "control" not in row.title]
        for block in blocks[1:3]
    ]
    assert not any(bold or tied for bold, tied in marks[0])
    assert any(bold for bold, _ in marks[1])
    assert any(tied for _, tied in marks[1])


def test_controls_and_incomplete_methods_are_shown_unranked(results):
    table = leaderboard_table(results, _ranked(results))
    overall = {row.title: row.entries for row in table.blocks[0].rows}
    assert overall["Segmentation-renormalized, proposed"][0].text == "1"
    assert overall["No harmonization, control"][0].text == "–"
    assert overall["SemGAN"][0].text == "–"
    assert overall["SemGAN"][-1].text == "2/4"
    assert overall["SemGAN"][-1].notes
    first = {row.title: row.entries for row in table.blocks[1].rows}
    assert len(first) == 5
    assert first["SemGAN"][3].text == "–"
    assert first["SemGAN"][1].notes == ("sparse lesions cannot be dropped meaningfully",)
    bold = [title for title, entries in first.items() if entries[3].bold]
    assert bold == ["Segmentation-renormalized, proposed"]


def test_ties_with_the_best_are_marked(results):
    board = _ranked(results)
    board["dice_tied"] = board["method"].isin(["segrenorm", "cyclegan"])
    first = {row.title: row.entries for row in leaderboard_table(results, board).blocks[1].rows}
    assert first["CycleGAN"][3].text == "0.600 ≈"
    assert first["Segmentation-renormalized, proposed"][3].text == "0.700"
    assert first["Histogram matching"][3].text == "0.500"


def test_the_spread_over_seeds_follows_the_mean(results):
    board = read_board(results.config).assign(dice_seed_std=0.034)
    first = {row.title: row.entries for row in leaderboard_table(results, board).blocks[1].rows}
    assert first["CycleGAN"][3].text == "0.600 ± 0.03"
    assert first["CycleGAN"][3].aside == "n 3 [0.570, 0.630]†"


def test_every_mean_has_its_n_beside_it_and_kid_its_interval(results):
    board = read_board(results.config).assign(kid_low=0.1, kid_high=0.9)
    first = {row.title: row.entries for row in leaderboard_table(results, board).blocks[1].rows}
    assert [entry.aside for entry in first["CycleGAN"][3:]] == ["n 3 [0.570, 0.630]†", "3 folds [0.100, 0.900]†"]
    second = {row.title: row.entries for row in leaderboard_table(results, board).blocks[2].rows}
    assert second["CycleGAN"][3].aside.startswith("n 2/3")


def test_an_unfit_pair_is_marked(results):
    board = read_board(results.config)
    assert "unfit" not in " ".join(block.title for block in leaderboard_table(results, board).blocks)
    table = results.table.copy()
    floor = table["method"].eq("target_on_target") & table["metric"].eq("kid") & table["dataset"].eq("retouch")
    table.loc[floor, "value"] = 1.2
    made = leaderboard_table(Results(results.config, table), board)
    assert [block.title for block in made.blocks if "unfit" in block.title] == ["RETOUCH, CR → SP (unfit, see below)"]
    assert "Unfit: RETOUCH CR → SP: KID of source against target does not exceed its floor." in made.remarks


def test_classes_that_no_method_has_a_number_of_are_named(results):
    """A mean over classes does not say which of them it is over."""
    table = results.table.copy()
    absent = table["metric"].eq("dice") & table["dataset"].eq("retouch") & table["label"].isin(["SRF", "PED"])
    table.loc[absent, ["value", "status", "reason"]] = [math.nan, "skipped", "the class is absent"]
    made = leaderboard_table(Results(results.config, table), read_board(results.config))
    assert "Dice, classes without a number: RETOUCH CR → SP SRF, PED." in made.remarks
    assert not any("without a number" in r for r in leaderboard_table(results, _ranked(results)).remarks)


def test_pairs_without_ranks_are_named_with_what_a_test_needs(results):
    board = _ranked(results)
    assert not any(remark.startswith("No ranks") for remark in leaderboard_table(results, board).remarks)
    board.loc[board["dataset"].eq("retouch"), "rank"] = math.nan
    said = "No ranks on RETOUCH CR → SP: a test needs 20 test subjects and 3 seeds."
    assert said in leaderboard_table(results, board).remarks


def test_what_is_worse_than_no_harmonization_is_marked(results):
    assert not any("▼" in text for text in leaderboard_table(results, _ranked(results)).below)
    made = leaderboard_table(collapsed(results), _ranked(results))
    marked = [[row.title for row in block.rows if "▼" in row.title] for block in made.blocks]
    assert marked == [["CycleGAN ▼ on 1 of 4 pairs"], [], [], [], ["CycleGAN ▼"]]
    assert made.below[0] == "▼ the Dice of this method is below that of no harmonization."


def test_intervals_that_may_be_too_narrow_are_marked(results):
    made = leaderboard_table(results, _ranked(results))
    first = {row.title: row.entries for row in made.blocks[1].rows}
    assert first["CycleGAN"][3].aside == "n 3 [0.570, 0.630]†"
    assert any(text.startswith("† the interval is of fewer than 20 test subjects") for text in made.below)


def test_a_method_without_a_number_on_some_pair_has_no_mean_of_other_pairs(results):
    overall = {row.title: row.entries for row in leaderboard_table(results, _ranked(results)).blocks[0].rows}
    assert [entry.text for entry in overall["SemGAN"]] == ["–", "–", "0", "–", "2/4"]
    assert overall["CycleGAN"][3].text == "0.600"


def test_costs_stand_in_their_own_table(results):
    board = read_board(results.config).assign(train_seconds=1.0, hd95=2.0)
    table = leaderboard_table(results, board)
    assert table.blocks[1].columns == ("rank", "cells", "subjects", "Dice (↑)", "HD95 [mm] (↓)", "KID (↓)")
    assert "train_seconds" in table.data
