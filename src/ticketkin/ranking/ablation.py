"""The learned ranking without one group of its features: text, fields, or filing times.

It is fitted again on the remaining features. Without fields or times the candidate lists stay the same, as
words and meaning made them. Without text such lists would still depend on text, so every visible ticket is
ranked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Visibility
from ticketkin.evaluation.retrieval import kin_ranks
from ticketkin.ranking.columns import TicketColumns
from ticketkin.ranking.contender import FusionContender
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.pair_features import Part, field_features, part_of
from ticketkin.ranking.scorer import FirstLevel
from ticketkin.ranking.shrinkage import Pull, list_ranks


@dataclass(frozen=True)
class Ablation:
    """The learned ranking over candidate lists, and what it takes to rank without them."""

    contender: FusionContender
    state: CorpusState
    columns: TicketColumns
    visibility: Visibility

    def ranks(self, without: Sequence[Part], seen: BoolArray, asked: IntArray, pull: Pull) -> list[IntArray]:
        """Return the ranks of kin of the queries at the places `asked`, by weights fitted on units `seen`."""
        dropped = [place for place, name in enumerate(self.contender.names) if part_of(name) in without]
        features = self.contender.lists.features.copy()
        features[:, dropped] = 0.0
        own = replace(self.contender, lists=replace(self.contender.lists, features=features))
        level = own.fit(seen, pull)
        if "text" in without:
            return [self._among_all(level, query) for query in own.lists.queries[asked]]
        lists, logits = own.logits(level, asked)
        return list_ranks(lists, lists.kin(own.groups), logits, [own.beyond[place] for place in asked])

    def _among_all(self, level: FirstLevel, query: int) -> IntArray:
        """Rank every ticket that a query may see by fields and times alone."""
        row = np.array([query])
        visible = np.flatnonzero(self.visibility.mask(row)[0])
        columns = field_features(self.state, self.columns.take(row), self.columns, visible[None, :])
        features: FloatArray = np.zeros((len(visible), len(self.contender.names)), dtype=np.float32)
        if columns:
            features[:, -len(columns) :] = np.stack(columns, axis=2)[0]
        scores = level.logits(features)
        is_kin = self.contender.groups[visible] == self.contender.groups[query]
        return kin_ranks(scores[is_kin], scores[~is_kin])
