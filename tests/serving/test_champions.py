"""Whatever ranking won is served as it was judged: an encoder, the head, the words; with kinds or without."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bundle_material import judged_copy
from ticketkin.core.tables import Tickets
from ticketkin.serving.kin import Kin


@pytest.mark.parametrize("champion", ["base", "head", "lexical", "hybrid"])
@pytest.mark.parametrize("has_fusion", [True, False])
def test_a_single_champion_is_served_as_judged(
    small_run: Path, tmp_path: Path, champion: str, has_fusion: bool
) -> None:
    run = Path(shutil.copytree(small_run, tmp_path / "june"))
    record = run / "ranking/ranking.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "champion": champion}))
    if not has_fusion:  # a run that did not try the learned ranking
        for name in ("fusion.json", "fusion.safetensors"):
            (run / "ranking" / name).unlink()
    relations = run / "relations/relations.json"
    if champion == "lexical":
        relations.write_text(json.dumps({"learned": False, "reason": "too few typed links"}))
    judged = judged_copy(run, tmp_path)
    assert not list((judged.bundle / "encoders").glob("*")) or champion != "lexical"
    with Kin.open(judged.bundle, create=False) as kin:
        for place, row in enumerate(judged.rows):
            ticket = Tickets(judged.tickets.frame[[row]])
            (answer,) = kin.relate_tickets(ticket, 10)
            assert not any(one.ticket_id == ticket.ids[0] for one in answer.relations)
            for one in answer.relations:
                own = judged.similarities[place, judged.tickets.position[one.ticket_id]]
                assert one.similarity == pytest.approx(float(own), abs=1e-5)
            best = max((one.similarity or 0 for one in answer.relations), default=0)
            seen = judged.similarities[place]
            assert best == pytest.approx(max(0.0, float(np.max(seen))), abs=1e-5)
            if champion == "lexical":
                assert any("no kinds of kin" in note for note in answer.notes)
                assert {one.kind for one in answer.relations} <= {"kin"}
                assert all(one.probability is None and one.band is None for one in answer.relations)
