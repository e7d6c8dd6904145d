"""Now, Families and Trust, as HTML: what stands on them, and how a family is drawn."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_checks import HTML, assert_inert
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticket_material import make_tickets
from ticketkin.core.tables import Tickets
from ticketkin.relations.bands import REPORTED_BANDS
from ticketkin.relations.families import TieRecord
from ticketkin.service.family_schemas import FamilyMember, FamilyOut
from ticketkin.service.pages.family_graph import draw_family
from ticketkin.serving.bundle import Bundle
from ticketkin.store.answers import put_answer
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.review_draws import Statements, draw_at_random
from ticketkin.store.suggestions import Question, put_question

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def page(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("places")) as corpus:
        corpus.store(Tickets(judged.tickets.frame[:120]))
        corpus.store(
            make_tickets(
                4,
                ["2030-01-01 10:00:00", "2030-01-01 10:05:00", "2030-01-01 10:10:00", "2030-01-01 10:15:00"],
                number=["STORM1", "STORM2", "STORM3", f"STORM4{EVIL}"],
                title=[f"Mail gateway rejects everything {EVIL}"] * 4,
                state=["New"] * 4,
                duplicate_of=["", "STORM1", "", ""],
                caused_by=["", "", "STORM1", ""],
                parent=["", "", "", ""],
            )
        )
        with running(corpus) as desk:
            yield desk


def read(page: Desk, path: str, **params: object) -> str:
    answer = page.client.get(path, params=params, headers=HTML)
    assert answer.status_code == 200, answer.text
    assert_inert(answer.text)
    return " ".join(answer.text.split())


def test_families_are_listed_and_drawn_with_their_parent_and_cause(page: Desk) -> None:
    listed = read(page, "/families")
    known = page.client.get("/v1/families").json()
    assert f"{known['n_families']} families join {known['n_tickets']} tickets" in listed
    assert listed.count('<th scope="row">') == min(20, known["n_families"])
    html = read(page, "/family", ticket="STORM2")
    assert "duplicate of STORM1" in html and "parent of 1 duplicate, caused STORM3" in html
    assert html.count("<rect") == 3 and html.count('class="edge') == 2
    assert "STORM1 caused STORM3" in html
    assert "Nobody has linked this ticket" in read(page, "/family", ticket=f"STORM4{EVIL}")
    assert page.client.get("/family", params={"ticket": "INC0"}, headers=HTML).status_code == 404


def test_the_group_that_grows_stands_under_its_first_ticket(page: Desk) -> None:
    groups = read(page, "/now/groups", hours=1)
    known = page.client.get("/v1/groups/open", params={"hours": 1}).json()
    assert known["n_open"] == 4 and f"{known['n_open']} open tickets" in groups
    assert groups.count("<b>Parent:</b>") == len(known["groups"])
    for group in known["groups"]:
        assert f"{group['n_last_hour']} in the last hour" in groups
    assert 'hx-get="/now/groups?hours=1"' in read(page, "/now", hours=1)
    assert page.client.get("/now", params={"hours": 0}, headers=HTML).status_code == 422


def test_what_was_suggested_is_shown_and_trusted_as_far_as_people_agreed(page: Desk, judged: Judged) -> None:
    assert "not known yet" in read(page, "/trust").lower()
    shown = []
    for name in judged.tickets.ids[60:120]:
        relations = page.client.get(f"/v1/tickets/{name}/kin").json()["relations"]
        shown += [(name, one) for one in relations if one["band"] in ("say", "suggest")]
    page.recorder.wait()
    assert shown, "the bundle states nothing of these tickets"
    with page.corpus.database.transaction() as connection:
        # Of the largest stratum the one that is drawn last: it will not be the one drawn below.
        row = connection.execute(
            """
            SELECT ticket_id, candidate, kind FROM shown_pairs JOIN (
                SELECT kind, band FROM shown_pairs WHERE band IN ('say', 'suggest')
                GROUP BY kind, band ORDER BY count(*) DESC LIMIT 1
            ) AS largest USING (kind, band) ORDER BY draw_key DESC LIMIT 1
            """
        ).fetchone()
    assert row is not None
    beside = dict(zip(("source", "target", "answer"), row, strict=True))
    assert page.client.post("/v1/answers", json=beside).status_code == 200
    assert "nobody has judged one that was drawn at random" in read(page, "/trust")
    with page.corpus.database.transaction() as connection:
        drawn = draw_at_random(connection, Statements(page.corpus.bundle.id, REPORTED_BANDS, 0.5))
    assert drawn is not None
    answers = {"source": drawn.ticket_id, "target": drawn.candidate, "answer": drawn.kind}
    assert page.client.post("/v1/answers", json=answers).status_code == 200
    html = read(page, "/trust")
    assert re.search(r"1 of 1: 100 %, somewhere from \d+ % to 100 %", html)
    assert "as 1 answer on statements drawn at random tell" in html
    assert page.corpus.bundle.id[:12] in html
    assert page.client.post("/v1/answers", json=answers | {"answer": "unsure"}).status_code == 200
    assert "1 of 1" not in read(page, "/trust")
    assert page.client.post("/v1/answers", json=answers | {"answer": "none"}).status_code == 200
    assert "0 of 1: 0 %, somewhere from 0 % to" in read(page, "/trust")
    assert "Two people" not in read(page, "/trust")
    with page.corpus.database.transaction() as connection:
        put_answer(connection, drawn.candidate, drawn.ticket_id, drawn.kind, "kim")
    html = read(page, "/trust")
    assert "Two people judged 1 pair each on their own and agreed on 0 (Cohen&#39;s kappa 0.00" in html
    assert "asked" in read(page, "/now").partition("Suggested last")[2]


def test_the_model_before_is_named(page: Desk, judged: Judged) -> None:
    assert "No other model has answered here" in read(page, "/trust")
    with page.corpus.database.transaction() as connection:
        put_question(connection, Question(uuid4(), judged.tickets.ids[3], "earlier0123456789", 1, []))
    assert "<code>earlier01234</code> answered 1 question," in read(page, "/trust")


@st.composite
def families(draw: st.DrawFn) -> FamilyOut:
    n = draw(st.integers(1, 40))
    names = [f"T{number}" for number in range(n)]
    heads = names[: draw(st.integers(1, n))]
    parents = {name: draw(st.sampled_from(heads)) for name in names[len(heads) :]}
    members = [
        FamilyMember(ticket_id=name, title=draw(st.text(max_size=40)), duplicate_of=parents.get(name, ""))
        for name in names
    ]
    ordered = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda pair: pair[0] < pair[1])
    ends = draw(st.lists(ordered, max_size=12)) if n > 1 else []
    head = {name: parents.get(name, name) for name in names}
    rank = {name: place for place, name in enumerate(heads)}
    causal = [  # as build_families leaves them: no circle of parents
        TieRecord(names[one], names[other], "people", 1.0)
        for one, other in ends
        if rank[head[names[one]]] < rank[head[names[other]]]
    ]
    related = [TieRecord(names[one], names[other], "people", 1.0) for one, other in ends[::2]]
    return FamilyOut(family=1, tickets=members, causal=causal, related=related, longest_chain=[])


@given(families())
@settings(max_examples=60)
def test_a_drawing_holds_every_ticket_once_and_nothing_covers_another(family: FamilyOut) -> None:
    drawing = draw_family(family, {})
    drawn = [node.name for node in drawing.nodes if node.name]
    assert len(drawn) == len(set(drawn))
    in_numbers = sum(int(node.title.split()[1]) for node in drawing.nodes if not node.name)
    assert len(drawn) + in_numbers + drawing.n_left_out == len(family.tickets)
    boxes = [(node.x, node.y, node.x + node.width, node.y + node.height) for node in drawing.nodes]
    assert all(
        box[0] >= 0 and box[1] >= 0 and box[2] <= drawing.width and box[3] <= drawing.height for box in boxes
    )
    for place, one in enumerate(boxes):
        for other in boxes[:place]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
    parents = {one.ticket_id: one.duplicate_of or one.ticket_id for one in family.tickets}
    column = {node.name: node.x for node in drawing.nodes}
    for tie in family.causal:
        assert column[parents[tie.source]] < column[parents[tie.target]]
    assert {edge.kind for edge in drawing.edges} <= {"duplicate", "causal", "related"}


def test_a_family_of_thousands_is_drawn_as_far_as_one_can_see() -> None:
    members = [FamilyMember(ticket_id=f"T{n}", title="x", duplicate_of="") for n in range(3_000)]
    chain = [TieRecord(f"T{n}", f"T{n + 1}", "people", 1.0) for n in range(2_999)]
    family = FamilyOut(family=1, tickets=members, causal=chain, related=[], longest_chain=[])
    drawing = draw_family(family, {})
    assert len(drawing.nodes) + drawing.n_left_out == 3_000 and len(drawing.nodes) < 100
