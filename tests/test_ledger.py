"""The ledger holds every clause, and a faulty one is refused with a sentence that says why."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from codex_account_protocol import REVISIONS, spec_root
from codex_conformance.ledger import LedgerError, Level, load_ledger

COUNTS = {
    "WIRE": 11,
    "INIT": 5,
    "LOGIN": 12,
    "APIKEY": 4,
    "MANAGED": 7,
    "MODE": 4,
    "REFRESH": 21,
    "TIMEOUT": 4,
    "ERROR": 4,
    "LOGOUT": 6,
    "WORKSPACE": 6,
    "SECRET": 4,
    "READ": 1,
    "RATE": 3,
    "OTHER": 1,
    "PARENT": 17,
}
LEVELS = {"MUST": 92, "SHOULD": 14, "OBSERVE": 4}
CLAUSES = tuple(load_ledger().clauses.values())

TABLES = """
[levels]
MUST = "judged"

[sources]
J = "JSON-RPC 2.0"
U = "users"

[areas]
WIRE = "Framing"
LOGIN = "Login"
"""
CLAUSE = """
[[clause]]
id = "WIRE-1"
level = "MUST"
judges = "app-server"
source = ["J"]
sentence = "A message is a line."
"""


@pytest.fixture
def ledger_file(tmp_path):
    return tmp_path / "clauses.toml"


def refusal(file: Path, content: str) -> LedgerError:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(LedgerError) as refused:
        load_ledger(file)
    return refused.value


def test_ledger_has_every_clause_of_every_area():
    assert Counter(clause.area for clause in CLAUSES) == COUNTS
    assert Counter(clause.level for clause in CLAUSES) == LEVELS


def test_areas_stand_in_the_order_of_their_clauses():
    assert list(load_ledger().areas) == list(COUNTS)
    assert list(dict.fromkeys(clause.area for clause in CLAUSES)) == list(COUNTS)


@pytest.mark.parametrize("area", COUNTS)
def test_ids_of_an_area_count_from_one_without_a_gap(area):
    ids = [clause.id for clause in CLAUSES if clause.area == area]
    assert ids == [f"{area}-{number}" for number in range(1, COUNTS[area] + 1)]


def test_tables_explain_each_level_and_each_source():
    ledger = load_ledger()
    assert tuple(ledger.levels) == get_args(Level)
    assert list(ledger.sources) == ["M", "S", "D", "J", "U"]
    assert all([*ledger.levels.values(), *ledger.sources.values(), *ledger.areas.values()])


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_clause_says_something_in_each_part(clause):
    texts = [text for text in (clause.sentence, clause.observe, clause.no_case) if text is not None]
    for text in texts:
        assert text[-1] == "."
        assert "\n" not in text
        assert text == text.strip()
    assert clause.sentence[0].isupper() or clause.sentence[0] == "`"
    assert clause.source
    assert len(set(clause.source)) == len(clause.source)
    assert clause.revisions == tuple(name for name in REVISIONS if name in clause.revisions)


def test_no_clause_that_is_only_recorded_has_a_part_that_is_only_recorded():
    recorded = [clause for clause in CLAUSES if clause.level == "OBSERVE"]
    assert [clause.id for clause in recorded if clause.observe] == []


def test_parents_are_judged_in_their_own_area_alone():
    judged = {clause.id for clause in CLAUSES if clause.judges == "parent"}
    assert judged == {clause.id for clause in CLAUSES if clause.area == "PARENT"}


def test_no_two_clauses_say_the_same():
    assert len({clause.sentence for clause in CLAUSES}) == len(CLAUSES)


def test_every_clause_has_a_case():
    assert not [clause.id for clause in CLAUSES if clause.no_case]


def test_clauses_of_some_revisions_only_are_the_known_ones():
    partial = {clause.id: clause.revisions for clause in CLAUSES if clause.revisions != REVISIONS}
    assert partial == {
        "INIT-5": ("0.99", "0.169"),
        "WORKSPACE-6": ("0.169",),
        "PARENT-2": ("0.99", "0.169"),
    }


@pytest.mark.parametrize(("revision", "count"), [("0.93", 107), ("0.99", 109), ("0.169", 110)])
def test_revision_has_its_clauses_in_the_order_of_the_ledger(revision, count):
    clauses = load_ledger().in_revision(revision)
    assert len(clauses) == count
    assert clauses == tuple(clause for clause in CLAUSES if revision in clause.revisions)


def test_revision_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"^revision: expected one of 0.93, .* got '0.94'$"):
        load_ledger().in_revision("0.94")


def test_ledger_is_read_once():
    assert load_ledger() is load_ledger()


def test_ledger_cannot_be_changed():
    ledger = load_ledger()
    with pytest.raises(TypeError):
        ledger.areas["NEW"] = "A new area"
    with pytest.raises(AttributeError):
        ledger.clauses["WIRE-1"].level = "SHOULD"


def test_ledger_is_found_in_the_specification():
    assert load_ledger(spec_root() / "clauses.toml") == load_ledger()


def test_text_on_many_lines_reads_as_one(ledger_file):
    text = "sentence = '''\nA message\n  is a line.\n'''"
    row = CLAUSE.replace('sentence = "A message is a line."', text)
    ledger_file.write_text(TABLES + row, encoding="utf-8")
    clause = load_ledger(ledger_file).clauses["WIRE-1"]
    assert clause.sentence == "A message is a line."
    assert clause.revisions == REVISIONS
    assert (clause.observe, clause.no_case) == (None, None)


KEYS = "id, level, judges, sentence, source, about, revisions, observe, no_case"


@pytest.mark.parametrize(
    ("old", "new", "clause", "fault"),
    [
        pytest.param(
            'level = "MUST"',
            'level = "MUST"\nnote = "x"',
            "WIRE-1",
            f"expected only the keys {KEYS}, got 'note'",
            id="unknown key",
        ),
        pytest.param(
            'source = ["J"]\n',
            "",
            "WIRE-1",
            "expected the key 'source', got a clause without it",
            id="missing key",
        ),
        pytest.param(
            'id = "WIRE-1"\n',
            "",
            "number 1",
            "expected the key 'id', got a clause without it",
            id="missing id",
        ),
        pytest.param(
            'level = "MUST"',
            'level = "MAY"',
            "WIRE-1",
            "expected level to be one of MUST, SHOULD, OBSERVE, got 'MAY'",
            id="unknown level",
        ),
        pytest.param(
            '"app-server"',
            '"client"',
            "WIRE-1",
            "expected judges to be one of app-server, parent, got 'client'",
            id="unknown judged",
        ),
        pytest.param(
            'source = ["J"]',
            'source = ["J"]\nrevisions = ["0.94"]',
            "WIRE-1",
            "expected revisions to be of 0.93, 0.99, 0.169, got '0.94'",
            id="unknown revision",
        ),
        pytest.param(
            'source = ["J"]',
            'source = ["J"]\nrevisions = []',
            "WIRE-1",
            "expected revisions to name at least one of 0.93, 0.99, 0.169, got an empty list",
            id="no revision",
        ),
        pytest.param(
            '["J"]',
            '["X"]',
            "WIRE-1",
            "expected source to be of J, U, got 'X'",
            id="unknown source",
        ),
        pytest.param(
            '["J"]',
            '"J"',
            "WIRE-1",
            "expected `array`, got `str` - at `$.source`",
            id="wrong type",
        ),
        pytest.param(
            '"WIRE-1"',
            '"WIRE-01"',
            "WIRE-01",
            "expected an id of the form AREA-N, got 'WIRE-01'",
            id="id of another form",
        ),
        pytest.param(
            '"WIRE-1"',
            '"PIPE-1"',
            "PIPE-1",
            "expected its area to be one of WIRE, LOGIN, got 'PIPE'",
            id="undeclared area",
        ),
        pytest.param(
            '"A message is a line."',
            '" "',
            "WIRE-1",
            "expected sentence to say something, got an empty text",
            id="empty sentence",
        ),
        pytest.param(
            'source = ["J"]',
            'source = ["J"]\nno_case = ""',
            "WIRE-1",
            "expected no_case to say something, got an empty text",
            id="empty reason",
        ),
    ],
)
def test_faulty_clause_is_refused_with_file_clause_expected_and_got(
    ledger_file, old, new, clause, fault
):
    assert CLAUSE.count(old) == 1
    error = refusal(ledger_file, TABLES + CLAUSE.replace(old, new))
    assert str(error) == f"{ledger_file}, clause {clause}: {fault}"
    assert (error.file, error.clause) == (ledger_file, clause)
    assert f"expected {error.expected}, got {error.got}" == fault
    assert error.hint


def test_clause_that_stands_twice_is_refused(ledger_file):
    error = refusal(ledger_file, TABLES + CLAUSE + CLAUSE)
    assert str(error) == (
        f"{ledger_file}, clause WIRE-1: expected an id that no other clause has, got it twice"
    )


TABLE_NAMES = "expected the tables levels, sources, areas and clause, got this: "


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(
            TABLES, f"{TABLE_NAMES}Object missing required field `clause`", id="no clause"
        ),
        pytest.param(
            TABLES + CLAUSE + "[more]\n",
            f"{TABLE_NAMES}Object contains unknown field `more`",
            id="unknown table",
        ),
        pytest.param(
            "id = ",
            "expected TOML in UTF-8, got this: Invalid value (at end of document)",
            id="not TOML",
        ),
    ],
)
def test_file_of_another_form_is_refused(ledger_file, content, fault):
    error = refusal(ledger_file, content)
    assert str(error) == f"{ledger_file}: {fault}"
    assert error.clause is None


def test_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LedgerError) as refused:
        load_ledger(tmp_path / "none.toml")
    assert str(refused.value) == (
        f"{tmp_path / 'none.toml'}: expected a file to read, got this: No such file or directory"
    )
