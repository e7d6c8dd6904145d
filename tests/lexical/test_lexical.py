"""Lexical ranking and neighbours against brute force."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.tables import Visibility
from ticketkin.lexical.bm25 import FieldStatistics, LexicalRanker
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix, tfidf_neighbours
from ticketkin.lexical.shared_words import pieces, shared_words, words_apart
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.words import character_ngrams, tokenize, written_words

VOCABULARY = ("mail", "vpn", "printer", "crash", "slow", "login", "NullPointerException", "x42")
words = st.lists(st.sampled_from(VOCABULARY), max_size=6)
corpora = st.lists(words.map(" ".join), min_size=2, max_size=15)


def test_identifiers_match_whole_and_in_parts() -> None:
    terms = tokenize("NullPointerException in org.apache.sshd, printers jammed")
    assert "nullpointerexception" in terms
    assert {"null", "pointer", "org.apache.sshd", "apach", "printer", "jam"} <= set(terms)
    assert "in" not in terms


@given(st.text(max_size=30))
def test_runs_of_characters_are_those_of_scikit_learn(text: str) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    analyze = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()
    assert sorted(character_ngrams(text)) == sorted(analyze(text))


@given(corpora)
@settings(max_examples=40, deadline=None)
def test_neighbours_are_those_of_the_full_matrix(texts: list[str]) -> None:
    matrix = tfidf_matrix(texts)
    neighbours = tfidf_neighbours(matrix, 3)
    full = (matrix @ matrix.T).toarray()
    np.fill_diagonal(full, 0.0)
    for row in range(len(texts)):
        expected = np.sort(full[row][full[row] > 1e-6])[::-1][:3]
        similarities = neighbours.similarities[row][neighbours.indices[row] >= 0]
        assert np.allclose(similarities, expected, atol=1e-5)
        assert row not in neighbours.indices[row]
    left, right = np.arange(len(texts) - 1), np.arange(1, len(texts))
    expected_pairs = (matrix @ matrix.T).toarray()[left, right]
    assert np.allclose(paired_cosines(matrix, left, right), expected_pairs, atol=1e-5)


def test_neighbours_of_a_large_file_lose_almost_none_to_champion_lists() -> None:
    generator = np.random.default_rng(4)
    n_texts = 5_000
    topics = generator.integers(0, 600, n_texts)
    texts = [
        " ".join(["incident report", *(f"t{topic}x{w}" for w in generator.integers(0, 8, 5)), f"c{common}"])
        for topic, common in zip(topics, generator.integers(0, 30, n_texts), strict=True)
    ]
    matrix = tfidf_matrix(texts)
    asked = generator.choice(n_texts, 200, replace=False)
    neighbours = tfidf_neighbours(matrix, 5, queries=asked)
    full = (matrix[asked] @ matrix.T).toarray()
    full[np.arange(len(asked)), asked] = 0.0
    expected = -np.sort(-full, axis=1)[:, :5]
    assert np.isclose(neighbours.similarities, expected, atol=1e-5).mean() > 0.95
    assert (neighbours.indices != asked[:, None]).all()


@given(corpora)
@settings(max_examples=40, deadline=None)
def test_pair_similarity_is_symmetric_bounded_and_one_for_a_twin(texts: list[str]) -> None:
    texts = [*texts, texts[0]]
    ranker = LexicalRanker.build({"title": texts}, {"title": 1.0})
    left, right = np.arange(len(texts)), np.roll(np.arange(len(texts)), 1)
    forth, back = ranker.pair_similarities(left, right), ranker.pair_similarities(right, left)
    assert np.allclose(forth, back, atol=1e-6)
    assert ((forth >= 0) & (forth <= 1)).all()
    twin = ranker.pair_similarities(np.array([0]), np.array([len(texts) - 1]))[0]
    assert twin > 0.999 or not texts[0]


def test_shared_rare_words_rank_first_and_titles_weigh_more() -> None:
    titles = ["printer jam", "printer jam", "login", "mail"]
    bodies = ["floor two", "floor nine", "printer jam", "nothing"]
    ranker = LexicalRanker.build({"title": titles, "description": bodies}, {"title": 2.0, "description": 1.0})
    row = ranker.similarities(np.array([0]), Visibility(4, None))[0]
    assert int(np.argmax(row[1:])) + 1 == 1
    assert row[3] == 0


@given(corpora)
@settings(max_examples=40, deadline=None)
def test_frozen_tfidf_gives_the_cosines_of_the_texts_it_was_fitted_on(texts: list[str]) -> None:
    for analyzer in ("word", "characters"):
        expected = tfidf_matrix(texts, analyzer)
        frozen = TermStatistics.fit(texts, analyzer).rows(texts)
        assert np.allclose((frozen @ frozen.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5)


@given(corpora, st.lists(words.map(" ".join), max_size=5))
@settings(max_examples=40, deadline=None)
def test_what_a_ticket_weighs_depends_on_the_statistics_alone(texts: list[str], others: list[str]) -> None:
    statistics = FieldStatistics.fit({"title": texts}, {"title": 1.0})
    backwards = FieldStatistics.fit({"title": texts[::-1]}, {"title": 1.0})
    alone = statistics.rows({"title": texts[:1]}).whole.toarray()
    beside = backwards.rows({"title": [*others, texts[0], *others]}).whole.toarray()[[len(others)]]
    assert (alone == beside).all()


@given(text=st.text(max_size=120))
@settings(max_examples=100, deadline=None)
def test_the_words_of_a_text_hold_its_terms_in_order(text: str) -> None:
    words = written_words(text)
    assert [term for word in words for term in tokenize(word)] == tokenize(text)
    assert all(word in text for word in words)


def test_the_document_frequency_of_a_term_is_known_and_rows_keep_their_columns_in_order() -> None:
    texts = ["printer jams", "printer offline", "vpn drops again", "printer printer"]
    for analyzer in ("word", "characters"):
        statistics = TermStatistics.fit(texts, analyzer)
        assert statistics.rows([*texts, "new words of nobody"]).has_canonical_format
    words = TermStatistics.fit(texts, "word")
    common, rare, unseen = words.idf_of(["printer", "vpn", "0x8007"])
    assert common < rare < unseen == np.float32(words.unseen_idf)
    assert TermStatistics.fit(texts, "characters").idf_of(["zzzzz"]) == [0]


@given(st.text(), st.text())
def test_pieces_make_up_the_text_and_only_shared_words_are_marked(text: str, other: str) -> None:
    statistics = TermStatistics.fit([text, other, "printer", "paper jam"], "word")
    cut = pieces(statistics, text, other)
    assert "".join(piece.text for piece in cut) == text
    theirs = tokenize(other)
    assert all(set(tokenize(piece.text)) & set(theirs) for piece in cut if piece.is_shared)
    assert all(
        word in text and set(tokenize(word)) & set(theirs)
        for word in shared_words(statistics, text, other, 9)
    )
    assert all(word in text for word in words_apart(statistics, text, other, 9))


def test_words_are_marked_whole_and_those_of_one_text_are_named() -> None:
    statistics = TermStatistics.fit(["the printer jams"] * 9 + ["wks-eas-003"], "word")
    mine, theirs = "Printer of wks-eas-003 smells of lemon lemon", "wks-qua-003 smelled, printer too"
    assert [piece.text for piece in pieces(statistics, mine, theirs) if piece.is_shared] == ["smells"]
    assert words_apart(statistics, mine, theirs, 2) == ["lemon", "wks-eas-003"]
    assert words_apart(statistics, "lmeon on wks-eas-003", theirs, 2) == ["wks-eas-003", "lmeon"]
    assert shared_words(statistics, mine, theirs, 9)[0] == "smells"
    assert "wks-eas-003" not in shared_words(statistics, mine, theirs, 9)
    assert shared_words(statistics, mine, "on WKS-EAS-003", 9) == ["wks-eas-003"]


def test_a_term_that_only_has_the_same_column_is_not_named_as_shared() -> None:
    statistics = TermStatistics.fit(["printer jams", "vpn drops"], "word")
    column_of: dict[int, str] = {}
    for number in range(20_000):
        term = "zq" + str(number).translate(str.maketrans("0123456789", "bcdfghjkmp"))
        (column,) = statistics.vocabulary.columns([term])
        if column in column_of:
            break
        column_of[column] = term
    other = column_of[column]
    assert (statistics.rows([term]) != statistics.rows([other])).nnz == 0
    assert shared_words(statistics, f"printer {term}", f"printer {other}", 9) == ["printer"]
    assert shared_words(statistics, f"printer {term}", f"printer {term}", 9) == [term, "printer"]


def test_function_words_are_no_evidence_in_a_small_set_of_tickets() -> None:
    statistics = TermStatistics.fit(["printer jams", "vpn drops", "mail bounces", "disk full"], "word")
    one, other = "Printer may jam, most users wake up", "it may be up, Printer most of all"
    assert shared_words(statistics, one, other, 9) == ["Printer"]
    assert shared_words(statistics, "may most up", "up may most", 9) == []
    assert shared_words(statistics, "der Drucker nicht", "nicht der Drucker", 9) == ["Drucker"]


def test_no_pairs_have_no_cosines() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert paired_cosines(tfidf_matrix(["mail is down", "no mail today"]), none, none).shape == (0,)
