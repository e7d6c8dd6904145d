"""The ranking is fitted anew from answers on what was shown, and answers only where it is no worse."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_checks import HTML, assert_inert
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.ranking.refit import PairRows, RefitResult, refit
from ticketkin.service.corpus import Corpus
from ticketkin.service.pages.wording import when_to_stop
from ticketkin.service.refitting import ANSWERS_BETWEEN, can_refit, units_of
from ticketkin.serving.bundle import Bundle
from ticketkin.store.answers import put_answer
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.refits import AnsweredPair, StoredRefit, answered_pairs, n_without_change, refits_of
from ticketkin.store.review_draws import ShownPair, put_draw

Pair = tuple[str, str]


@pytest.fixture(scope="module")
def asked_desk(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A service that was asked about eighty tickets; its own threads do not run."""
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("refits")) as corpus:
        corpus.start_following = lambda: None
        corpus.store(Tickets(judged.tickets.frame[:120]))
        with running(corpus) as desk:
            for name in judged.tickets.ids[40:120]:
                assert desk.client.get(f"/v1/tickets/{name}/kin", params={"k": 3}).status_code == 200
            desk.recorder.wait()
            yield desk


@pytest.fixture(autouse=True)
def without_answers(asked_desk: Desk) -> None:
    with asked_desk.corpus.database.transaction() as connection:
        for table in ("answers", "refits", "review_draws"):
            connection.execute(f"DELETE FROM {table}")
    asked_desk.corpus.follow()


def shown_pairs(desk: Desk) -> list[Pair]:
    with desk.corpus.database.transaction() as connection:
        rows = connection.execute(
            "SELECT DISTINCT least(ticket_id, candidate), greatest(ticket_id, candidate) FROM shown_pairs "
            "ORDER BY 1, 2"
        ).fetchall()
    return [(str(one), str(other)) for one, other in rows]


def answer(desk: Desk, pairs: list[Pair], judged: Judged, *, random_share: int = 2) -> None:
    """Answer by what the sample's tickets say of each other; every so many are random draws."""
    frame = judged.tickets.frame
    parents = dict(zip(frame["ticket_id"], frame["duplicate_of"], strict=True))
    with desk.corpus.database.transaction() as connection:
        for place, (one, other) in enumerate(pairs):
            is_kin = (parents[one] or one) == (parents[other] or other)
            put_answer(connection, one, other, "duplicate" if is_kin else "none", "kim")
            if place % random_share == 0:
                drawn = ShownPair(one, other, "duplicate", "say", 0.9, is_first=True)
                put_draw(connection, desk.corpus.bundle.id, drawn, "random", 0.5)


def test_what_was_shown_is_kept_with_what_the_ranking_read(asked_desk: Desk, judged: Judged) -> None:
    corpus = asked_desk.corpus
    assert can_refit(corpus.bundle)
    pairs = shown_pairs(asked_desk)[:5]
    answer(asked_desk, pairs, judged)
    with corpus.database.transaction() as connection:
        kept = answered_pairs(connection, corpus.bundle.id)
    assert [(pair.one, pair.other) for pair in kept] == pairs
    assert [pair.is_random for pair in kept] == [True, False, True, False, True]
    for pair in kept:
        rows = np.frombuffer(pair.features, dtype="<f4")
        assert len(rows) == corpus.bundle.scorer.n_row_features
        scored = [
            one.similarity
            for name, other in ((pair.one, pair.other), (pair.other, pair.one))
            for one in corpus.kin_of(name, 3).relations
            if one.ticket_id == other
        ]
        assert min(abs(1 / (1 + np.exp(-rows[-1])) - similarity) for similarity in scored) < 1e-5


def test_after_every_fifty_answers_the_ranking_is_fitted_anew(asked_desk: Desk, judged: Judged) -> None:
    corpus, pairs = asked_desk.corpus, shown_pairs(asked_desk)
    assert len(pairs) > 2 * ANSWERS_BETWEEN
    answer(asked_desk, pairs[: ANSWERS_BETWEEN - 1], judged)
    assert corpus.refit() is None
    assert asked_desk.client.get("/v1/refits").json()["n_answers_to_next"] == 1
    answer(asked_desk, pairs[ANSWERS_BETWEEN - 1 : ANSWERS_BETWEEN], judged)
    first = corpus.refit()
    assert first is not None and first.n_answers == first.n_standing == ANSWERS_BETWEEN
    assert first.n_random == ANSWERS_BETWEEN // 2 + 1 and first.gain is not None
    assert first.is_taken_over == (first.gain >= 0)
    assert corpus.refit() is None
    answer(asked_desk, pairs[ANSWERS_BETWEEN : 2 * ANSWERS_BETWEEN], judged)
    second = corpus.refit()
    assert second is not None and second.number == 2
    page = asked_desk.client.get("/trust", headers=HTML).text
    assert_inert(page)
    assert "What answers taught it" in page and "after 50 more answers" in " ".join(page.split())
    assert page.count("somewhere from") >= 2


def forced(is_no_worse: bool) -> object:
    """Return a refit whose answers on the random share say so, with weights that turn the order around."""

    def done(of_run: PairRows, answered: PairRows, is_random: np.ndarray, seed: int = 0) -> RefitResult:
        real = refit(of_run, answered, is_random, seed)
        gain = type(real.gain)(0.1, 0.05, 0.2) if is_no_worse else type(real.gain)(-0.1, -0.2, -0.05)
        weights = real.model.weights.copy()
        weights[-2] -= 5 * abs(weights[-2]) + 5
        model = type(real.model)(real.model.mean, real.model.spread, weights)
        return RefitResult(model, real.n_answers, real.n_random, 0.5, 0.4, gain)

    return done


def test_one_that_is_no_worse_answers_in_every_process_until_it_is_taken_back(
    asked_desk: Desk, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, name = asked_desk.corpus, judged.tickets.ids[100]
    other = Corpus(corpus.bundle, corpus.database, tmp_path)
    other.catch_up()
    before = {one.ticket_id: one.similarity for one in corpus.kin_of(name, 5).relations}
    answer(asked_desk, shown_pairs(asked_desk)[:60], judged)
    monkeypatch.setattr("ticketkin.service.refitting.refit", forced(is_no_worse=True))
    done = corpus.refit()
    assert done is not None and done.is_taken_over
    other.follow()
    for one in (corpus, other):
        told = one.kin_of(name, 5)
        assert told.refit == 1 and told.bundle == corpus.bundle.id
        assert {each.ticket_id: each.similarity for each in told.relations} != before
    over_http = asked_desk.client.get(f"/v1/tickets/{name}/kin", params={"k": 5}).json()
    assert over_http["refit"] == 1 == asked_desk.client.get("/v1/model").json()["refit"]
    assert [one["similarity"] for one in over_http["relations"]] == pytest.approx(
        [one.similarity for one in other.kin_of(name, 5).relations], abs=1e-5
    )
    corpus.store(Tickets(judged.tickets.frame[120:122]))  # a new snapshot keeps the refit
    assert corpus.kin.refit_number == 1
    back = asked_desk.client.delete("/v1/refits").json()
    assert back["answering"] == 0 and back["refits"][0]["withdrawn_at"] is not None
    other.follow()
    for one in (corpus, other):
        told = one.kin_of(name, 5)
        assert told.refit == 0
        shown = {each.ticket_id: each.similarity for each in told.relations}
        assert all(shown[key] == pytest.approx(before[key], abs=1e-5) for key in shown.keys() & before.keys())
    other.close()


def test_one_that_is_worse_is_kept_on_record_and_does_not_answer(
    asked_desk: Desk, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = asked_desk.corpus
    answer(asked_desk, shown_pairs(asked_desk)[:50], judged)
    monkeypatch.setattr("ticketkin.service.refitting.refit", forced(is_no_worse=False))
    done = corpus.refit()
    assert done is not None and not done.is_taken_over
    assert corpus.kin.refit_number == 0
    assert "no, it was worse" in asked_desk.client.get("/trust", headers=HTML).text
    with corpus.database.transaction() as connection:
        assert n_without_change(refits_of(connection, corpus.bundle.id, 5)) == 1


def test_one_that_no_random_answer_judges_is_not_called_worse(asked_desk: Desk, judged: Judged) -> None:
    answer(asked_desk, shown_pairs(asked_desk)[:50], judged)
    with asked_desk.corpus.database.transaction() as connection:
        connection.execute("DELETE FROM review_draws")
    done = asked_desk.corpus.refit()
    assert done is not None and done.gain is None and not done.is_taken_over
    trust = asked_desk.client.get("/trust", headers=HTML).text
    assert "no, nothing told whether it is better" in trust and "it was worse" not in trust


def test_pairs_that_share_a_ticket_share_a_unit() -> None:
    names = [("a", "b"), ("c", "d"), ("b", "e"), ("f", "g"), ("d", "f")]
    units = units_of([AnsweredPair(one, other, "none", b"", is_random=True) for one, other in names])
    assert units[0] == units[2] and units[1] == units[3] == units[4] and units[0] != units[1]


def test_answers_may_stop_when_the_number_is_known_and_refits_change_nothing() -> None:
    from ticketkin.evaluation.stratified import SampledStratum

    known, unknown = [SampledStratum(100, 100, 90)], [SampledStratum(100, 5, 4)]
    assert "You can stop: the last 3 refits changed nothing" in when_to_stop(known, 3)
    assert "answers still teach" in when_to_stop(known, 2)
    assert "further answers teach the next model" in when_to_stop(known, None)
    assert "more such answers" in when_to_stop(unknown, 9)


def test_refits_that_changed_nothing_are_counted_from_the_newest() -> None:
    def one(low: float | None, *, is_taken_over: bool = True) -> StoredRefit:
        gain = 0.1 if is_taken_over else -0.1
        return StoredRefit("b", 1, None, 50, 50, 10, 0.5, 0.4, gain, low, 0.3, is_taken_over, None)

    assert n_without_change([]) == 0
    assert n_without_change([one(-0.1), one(None), one(0.05), one(-0.1)]) == 2
    assert n_without_change([one(-0.3, is_taken_over=False), one(0.01)]) == 1
