"""What a service desk really hands over, through the whole command: a plain word, never a traceback.

Exit code 2 is bad input, 1 a job that can't be done, 0 with a count is a repair.
"""

import csv
import json
import os
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from in_process import run_in_process
from tiny_model import WORDS


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def printed(self) -> str:
        """The error stream on one line; the screen wraps at its width."""
        return " ".join(self.err.split())


Command = Callable[..., Outcome]


@pytest.fixture
def ticketkin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command as installed, in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str | Path) -> Outcome:
        done = run_in_process(*arguments, monkeypatch=monkeypatch, capsys=capsys)
        assert "Traceback" not in done.stderr
        assert "fault of Ticketkin" not in done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def quick(tiny_encoder_folder: Path) -> list[str]:
    """Options of a run that takes seconds."""
    return [
        "--base-model", str(tiny_encoder_folder), "--offline", "--candidates", "base",
        "--set", "evaluation.n_bootstrap=100", "--set", "evaluation.by=split",
        "--set", "relations.model=logistic", "--set", "relations.repeats=1", "--set", "relations.folds=2",
    ]  # fmt: skip


def export(path: Path, n_tickets: int, linked: int, category: Callable[[int], str] = str) -> Path:
    """Write tickets of which each two tell of the same; the first `linked` couples are linked."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["number", "short_description", "description", "category", "duplicate_of"])
        for couple in range(n_tickets // 2):
            common = draw.sample(WORDS, 6)
            for row in (2 * couple, 2 * couple + 1):
                words = common + draw.sample(WORDS, 2)
                draw.shuffle(words)
                master = f"INC{row - 1}" if row % 2 and couple < linked else ""
                writer.writerow(
                    [f"INC{row}", " ".join(words[:3]), " ".join(words[3:]), category(row % 3), master]
                )
    return path


def imported(
    ticketkin: Command, content: bytes, name: str = "a.csv"
) -> tuple[dict[str, object], pl.DataFrame]:
    """Import `content`; return its summary and the tickets."""
    Path(name).write_bytes(content)
    result = ticketkin("import", name, "--out", "run", "--json")
    assert result.code == 0, result.err
    return json.loads(result.out), pl.read_parquet("run/tickets.parquet")


HEADER = b"number,short_description,description\n"


@pytest.mark.parametrize("command", ["run", "import"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", HEADER, "a.csv holds no rows; export it again with at least one ticket"),
        ("a.csv", b"\n \n\n", "a.csv holds no rows"),
        ("a.xlsx", b"", "a.xlsx is empty"),
        ("a.jsonl", b"", "a.jsonl is empty"),
        ("a.json", b"[]", "a.json holds no rows"),
        ("a.csv", b"number\nINC1\nINC2\n", "No column was recognised as title or description among: number"),
        ("a.csv", HEADER + b"INC1,a\nINC2,b\n", "2 cells where the header has 3 (2)"),
        ("a.pkl", pickle.dumps([1]), "can run code when opened; export CSV or JSON instead"),
    ],
)
def test_files_without_a_usable_ticket(
    ticketkin: Command, command: str, name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    result = ticketkin(command, name, "--out", "run")
    assert result.code == 2
    assert message in result.printed
    assert result.printed.count("Error:") == 1
    assert not Path("run/tickets.parquet").exists()


@pytest.mark.parametrize("place", ["tickets", "links"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(ticketkin: Command, place: str) -> None:
    with zipfile.ZipFile("bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (80 << 20))
    good = str(export(Path("a.csv"), 12, 6))
    sources = ["bomb.xlsx"] if place == "tickets" else [good, "--links", "bomb.xlsx"]
    result = ticketkin("run", *sources, "--out", "run")
    assert result.code == 2
    assert "bomb.xlsx would unpack to 80 MiB" in result.printed
    assert "refused as a zip bomb. Save it as CSV if it is genuine" in result.printed


def test_a_missing_id_column_is_made_up_for_and_stated(ticketkin: Command) -> None:
    Path("a.csv").write_text("short_description,description\nMail down,since nine\nVPN,slow\n")
    result = ticketkin("import", "a.csv", "--out", "run", "--json")
    assert result.code == 0
    assert json.loads(result.out)["repairs"] == {"generated_ids": 2}
    assert pl.read_parquet("run/tickets.parquet")["ticket_id"].to_list() == ["a.csv#1", "a.csv#2"]
    assert "2 rows without an id were given one from their row number" in result.printed


def test_repeated_ids_are_counted_and_the_first_kept(ticketkin: Command) -> None:
    rows = b"INC1,Mail down,x\nINC1,Mail down,x\nINC2,VPN,y\nINC1,Mail up,z\n"
    summary, tickets = imported(ticketkin, HEADER + rows)
    assert (summary["n_rows"], summary["n_tickets"]) == (4, 2)
    assert (summary["n_duplicate_ids"], summary["n_rejected"]) == (1, 1)
    assert tickets.select("ticket_id", "title").rows() == [("INC1", "Mail down"), ("INC2", "VPN")]
    rejected = pl.read_csv("run/rejected.csv")
    assert rejected["row"].to_list() == [4]
    assert rejected["reason"].to_list() == [
        "id INC1 was seen before with other content; the first row is kept"
    ]


@pytest.mark.parametrize(
    "text", ["word " * 20_000, "x" * 100_000, "1 " * 50_000, "a.b@" * 25_000, "> \n" * 33_334, "Ã¤" * 50_000]
)
def test_texts_of_100_000_characters_are_cut_and_counted(ticketkin: Command, text: str) -> None:
    Path("a.csv").write_text(f'number,short_description,description\nINC1,a,"{text}"\nINC2,b,c\n', "utf-8")
    result = ticketkin("import", "a.csv", "--out", "run", "--json", "--set", "tickets.max_characters=5000")
    assert result.code == 0
    tickets = pl.read_parquet("run/tickets.parquet")
    lengths = tickets["description"].str.len_chars().to_list()
    assert len(text) >= 100_000
    assert lengths[0] <= 5_000
    assert lengths[1] == 1
    repairs = json.loads(result.out)["repairs"]
    assert repairs.get("cut_texts", 0) == (lengths[0] == 5_000)


def test_nul_bytes_are_removed_and_counted(ticketkin: Command) -> None:
    summary, tickets = imported(ticketkin, HEADER + b"INC1,Mail\x00 down,\x00x\x00\nINC2,VPN,y\n")
    assert summary["repairs"] == {"nul_bytes": 3}
    assert tickets["title"].to_list() == ["Mail down", "VPN"]
    assert tickets["description"].to_list() == ["x", "y"]


def test_another_encoding_is_read_and_stated(ticketkin: Command) -> None:
    content = "number,short_description,description\nINC1,Drücker läuft heute nicht,100 €\n".encode("cp1252")
    summary, tickets = imported(ticketkin, content)
    assert summary["notes"] == [
        "a.csv: not UTF-8, probably Windows-1252 (western European), read as that; if words look wrong, set "
        "tickets.encoding"
    ]
    assert tickets.select("title", "description").row(0) == ("Drücker läuft heute nicht", "100 €")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_cell_of_rejected_csv_is_a_formula(ticketkin: Command, sign: str) -> None:
    formula = f"{sign}HYPERLINK(1)"
    rows = f"{formula},{formula},a\n{formula},{formula},b\n{formula},too few\n{formula},x,y,{formula}\n"
    summary, _ = imported(ticketkin, HEADER + rows.encode())
    assert (summary["n_tickets"], summary["n_rejected"]) == (1, 3)
    with Path("run/rejected.csv").open(newline="", encoding="utf-8") as stream:
        cells = [cell for record in csv.reader(stream) for cell in record]
    assert len(cells) == 4 * 3
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_links_that_name_no_imported_ticket(ticketkin: Command, quick: list[str]) -> None:
    export(Path("a.csv"), 12, 6)
    Path("links.csv").write_text("duplicate,master\nCHG1,CHG2\nCHG3,CHG4\n")
    result = ticketkin("run", "a.csv", "--links", "links.csv", *quick, "--out", "run")
    assert result.code == 2
    assert (
        "no two columns hold ids of the imported tickets (duplicate: 0 of 2 values, e.g. 'CHG1'"
        in result.printed
    )
    assert "Name the two with --link-columns source,target[,kind]" in result.printed
    assert not Path("run/links.parquet").exists()
    # With the columns named they are read, counted, and lose nothing that is there.
    named = ["--links", "links.csv", "--link-columns", "duplicate,master"]
    refused = ticketkin("links", "run", *named)
    assert (
        refused.code == 2
        and "Of 4 different ids 0 (0 %) are tickets; unknown are e.g. 'CHG1'" in refused.printed
    )
    assert ticketkin("links", "run", *named, "--set", "links.doubtful=ignore").code == 0
    counted = json.loads(Path("run/links.json").read_text())
    assert (counted["n_absent"], counted["n_links"]) == (2, 6)


@pytest.mark.parametrize(
    ("field", "reason"),
    [("close_notes", "known only after the ticket is worked on"), ("duplicate_of", "the very answer")],
)
def test_a_late_field_in_the_template(ticketkin: Command, quick: list[str], field: str, reason: str) -> None:
    export(Path("a.csv"), 12, 6)
    template = f"tickets.template={{title}} {{{field}}}"
    result = ticketkin("run", "a.csv", *quick, "--set", template, "--out", "run")
    assert result.code == 2
    assert f"{{{field}}} in the template is" in result.printed
    assert reason in result.printed
    assert "allowed are {title}, {description}" in result.printed


class Bomb:
    """Leaves a trace if it is ever unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("exploded",)


def test_a_base_model_with_a_pickle_alone_is_never_opened(
    ticketkin: Command, tiny_encoder_folder: Path
) -> None:
    export(Path("a.csv"), 12, 6)
    shutil.copytree(tiny_encoder_folder, "model")
    for weights in Path("model").rglob("*.safetensors"):
        weights.unlink()
        weights.with_name("pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    result = ticketkin("run", "a.csv", "--base-model", "./model", "--offline", "--out", "run")
    assert result.code == 2
    assert "holds its weights as pickle only (pytorch_model.bin)" in result.printed
    assert "save_pretrained(folder, safe_serialization=True)" in result.printed
    assert not Path("exploded").exists()
    assert not Path("run/embeddings/base.npy").exists()


@pytest.mark.parametrize("options", [(), ("--set", "links.silver=never")])
def test_one_kin_group_is_too_few_to_judge(
    ticketkin: Command, quick: list[str], options: tuple[str, ...]
) -> None:
    export(Path("a.csv"), 20, 1)
    result = ticketkin("run", "a.csv", *quick, *options, "--out", "run")
    assert result.code == 1  # the input is fine, the job can't be done
    assert "1 independent kin group was found" in result.printed
    assert "add links with --links FILE" in result.printed


def test_kinds_are_learned_from_fewer_pairs_than_components(ticketkin: Command, quick: list[str]) -> None:
    export(Path("a.csv"), 20, 0)
    assert ticketkin("run", "a.csv", *quick, "--out", "run").code == 0


def test_silver_links_can_be_refused(ticketkin: Command, quick: list[str]) -> None:
    export(Path("a.csv"), 20, 0)
    result = ticketkin("run", "a.csv", *quick, "--set", "links.silver=never", "--out", "run")
    assert result.code == 1
    assert "No duplicate link from people was found" in result.printed
    assert "give --links FILE, or allow them with --set links.silver=auto" in result.printed


def test_without_any_link_the_run_says_first_that_its_labels_prove_nothing(
    ticketkin: Command, quick: list[str]
) -> None:
    export(Path("a.csv"), 60, 0)
    result = ticketkin("run", "a.csv", *quick, "--out", "run")
    assert result.code == 0, result.err
    assert (
        "no duplicates linked by people: making SILVER ones from word overlap; they are circular"
        in result.printed
    )
    assert result.out.strip().startswith("Nobody has linked these tickets")
    report = json.loads(Path("run/report.json").read_text())
    assert report["links"]["labels_from"] == "silver"
    for candidate in report["candidates"].values():
        assert candidate["evaluation"]["labels_from"] == "silver"
    assert report["warnings"][0]["code"] == "silver_labels"
    assert "Warning (silver_labels): People linked none of these tickets, or too few." in " ".join(
        result.out.split()
    )
    assert set(pl.read_parquet("run/links.parquet")["origin"]) == {"silver"}
    assert report["verdict"]["answer"] == "unproven" and report["verdict"]["champion"] == "hybrid"
    page = Path("run/report.html").read_text("utf-8")
    assert "Not known yet" in page and "Yes<small>" not in page


def test_a_file_of_one_category_is_judged_like_any_other(ticketkin: Command, quick: list[str]) -> None:
    export(Path("a.csv"), 60, 30, lambda _: "Hardware")
    result = ticketkin("run", "a.csv", *quick, "--out", "run", "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    stored = json.loads(Path("run/report.json").read_text())
    assert report == stored
    assert report["links"]["labels_from"] == "person"
    assert report["profile"]["categories"] == {"Hardware": 60}
    assert all(part["n_queries"] > 0 for part in report["splits"].values())


def test_a_desk_without_links_judges_pairs_and_the_verdict_is_theirs(
    ticketkin: Command, quick: list[str]
) -> None:
    export(Path("a.csv"), 60, 0)
    options = [*quick, "--set", "evaluation.by=auto", "--set", "evaluation.shuffles=1"]
    options += ["--set", "evaluation.folds=2", "--set", "evaluation.repeats=1"]
    assert ticketkin("run", "a.csv", *options, "--out", "run").code == 0
    pairs = pl.read_csv("run/to_review.csv", infer_schema=False)
    number = pl.col("source", "target").str.strip_prefix("INC").cast(pl.Int64) // 2
    couples = pairs.select(number)
    kinds = (couples["source"] == couples["target"]).replace_strict({True: "duplicate", False: "none"})
    n_duplicates = int((kinds == "duplicate").sum())
    assert n_duplicates >= 6
    pairs.with_columns(kind=kinds).write_csv("run/to_review.csv")
    result = ticketkin("run", "--resume", "--out", "run", "--reviewed", "run/to_review.csv")
    assert result.code == 0, result.err
    assert (
        f"review: {pairs.height} of {pairs.height} pairs judged: {n_duplicates} duplicate" in result.printed
    )
    report = json.loads(Path("run/report.json").read_text())
    assert report["links"]["labels_from"] == "person"
    assert report["links"]["by_origin"] == {"review": n_duplicates}
    assert report["verdict"]["answer"] != "unproven"
    assert report["cross_fitting"]["n_kin_groups"] == n_duplicates
    assert "links_from_review" in {warning["code"] for warning in report["warnings"]}
