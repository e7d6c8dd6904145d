"""Other words for the same: what makes two tellings of one symptom differ, and no template recur."""

import re
from functools import cache
from random import Random

# The first of each line may be replaced by any of it. Longer phrases are found first.
_ALTERNATIVES: tuple[tuple[str, ...], ...] = (
    ("nothing", "not a thing", "nothing at all"),
    ("nobody", "no one", "not one of us"),
    ("never", "not once", "at no time"),
    ("refuses to", "won't", "declines to", "will not"),
    ("stuck", "jammed", "blocked", "wedged"),
    ("gone", "missing", "lost", "no longer there"),
    ("stops", "halts", "quits", "gives up"),
    ("freezes", "locks up", "hangs", "seizes"),
    ("shows", "displays", "gives", "has"),
    ("says", "reads", "claims", "reports"),
    ("wrong", "false", "incorrect", "not right"),
    ("error", "fault", "failure"),
    ("fails", "breaks", "goes wrong", "falls over"),
    ("slow", "sluggish", "lame", "tardy"),
    ("opening", "calling up", "getting into"),
    ("open", "call up", "get into"),
    ("screen", "display", "monitor"),
    ("page", "site", "web page"),
    ("customers", "clients", "buyers"),
    ("colleagues", "the others", "team mates"),
    ("colleague", "neighbour", "team mate"),
    ("people", "folks", "persons"),
    ("staff", "employees", "everybody"),
    ("computer", "machine", "PC"),
    ("the whole crew", "all of us", "everyone here"),
    ("works", "functions", "does its job"),
    ("work", "tasks", "jobs"),
    ("wait", "hang about", "stand by"),
    ("empty", "blank", "without content"),
    ("rejects", "turns away", "denies"),
    ("refused", "rejected", "turned down", "not taken"),
    ("locked", "barred", "closed"),
    ("removed", "taken away", "withdrawn"),
    ("drops", "cuts off", "throws out"),
    ("loads", "comes up", "builds up"),
    ("pile up", "heap up", "gather"),
    ("disappear", "vanish", "dissolve"),
    ("yesterday", "the day before"),
    ("this morning", "at the start of the day", "early on"),
    ("since the morning", "from early on"),
    ("suddenly", "out of the blue", "without warning"),
    ("for days", "all week", "day after day"),
    ("overnight", "during the night", "between two shifts"),
    ("for hours", "half the day", "for ages"),
    ("everything", "all of it", "the lot"),
    ("anything", "a single thing"),
    ("I tried", "I did", "I gave it", "we went through"),
    ("tried", "attempted"),
    ("didn't help", "changed nothing", "was no use", "made no difference"),
    ("it stayed the same", "no change", "still the same picture", "that was no cure"),
    ("without luck", "in vain", "to no end"),
    ("already", "before writing this", "twice"),
    ("can't go on", "can't continue", "have to pause", "sit about"),
    ("idle", "twiddling thumbs", "with nothing to do"),
    ("by hand", "on paper", "the old way", "manually"),
    ("roughly", "about", "some", "nearly"),
    ("so far", "up to now", "by now"),
    ("boss", "head", "manager", "lead"),
    ("wants news", "expects an answer", "asks for a status", "demands an update"),
    ("deadline", "delivery due", "cut-off", "important date"),
    ("please phone", "please ring", "best call", "kindly call back"),
    ("pops up", "comes up", "appears", "flashes"),
    ("a box", "a window", "a message", "a little sign"),
    ("mentions", "quotes", "names", "prints"),
    ("logged", "recorded", "noted", "wrote"),
    ("attached", "enclosed", "added below"),
    ("concerned", "affected", "in question", "I mean"),
    ("not sure if", "can't tell whether", "no idea if"),
    ("could someone", "can somebody", "might anyone"),
    ("from your side", "of your team", "of you"),
    ("come to", "drop by", "visit", "look in at"),
    ("are fine", "have no trouble", "can do all", "are not hit"),
    ("is not", "isn't so lucky", "is hit"),
    ("we lose", "it costs us", "we are short of"),
    ("says that", "tells me", "reports that", "keeps saying", "complains that"),
    ("it seems", "it looks like", "apparently", "I believe"),
    ("as far as I can tell", "from what I see", "from where I sit", "if I see it right"),
    ("we noticed", "we saw", "we found", "it struck us"),
    ("observed", "seen", "spotted", "noticed"),
    ("no idea why, but", "don't ask me why:", "strange but true:", "for whatever reason"),
    ("calling for", "writing for", "on behalf of", "this is for"),
    ("rang", "called", "is on the line", "wrote to us"),
    ("told me", "so they tell me", "according to them"),
    ("can't", "cannot", "am unable to"),
    ("don't", "do not"),
    ("doesn't", "does not"),
    ("keeps", "goes on", "won't stop"),
    ("start", "launch", "bring up"),
    ("data", "records", "figures"),
    ("our", "our own", "our side's"),
    ("again", "once more", "anew"),
    ("only", "merely", "just"),
    ("somebody", "someone", "a person"),
    ("whoever", "anyone who"),
    ("whatever", "no matter what"),
    ("each", "every"),
    ("saved", "stored", "kept"),
    ("ends", "finishes", "closes"),
    ("trouble", "problem", "issue", "incident"),
    ("users", "accounts", "heads"),
)  # fmt: skip
# Noise that says nothing about the event, as most of what people write around a symptom.
_HEDGES = (
    "I think", "to be honest", "just so you know", "for the record", "by the way", "as said on the phone",
    "small update", "what I know so far", "in short", "again me", "as you may have heard", "from memory",
    "quick one", "if I may", "well", "to sum up", "one more thing", "hard to describe but", "believe it or not",
    "second attempt to explain", "in plain words", "as always on a Monday", "sadly", "frankly",
)  # fmt: skip
_TAGS = (
    "please look", "thanks for checking", "quite urgent", "hope that helps", "if that matters",
    "as far as I know", "which is new", "that was not so last week", "could be chance", "I swear",
    "no joke", "at least with us", "others may know more", "call if unclear", "sorry for the short text",
    "as usual nobody was told", "I wrote it down at once", "and it gets worse", "or so it looks",
    "and that twice", "which annoys everybody", "in case you wonder",
)  # fmt: skip
_REWORDED_SHARE = 0.65

_GROUP_OF = {group[0]: group for group in _ALTERNATIVES}
_PHRASE = re.compile(
    r"(?<![\w{])(" + "|".join(map(re.escape, sorted(_GROUP_OF, key=len, reverse=True))) + r")(?![\w}])"
)


@cache
def _parts(template: str) -> tuple[str, ...]:
    """Return the template in pieces; every second one has alternatives."""
    return tuple(_PHRASE.split(template))


def reword(template: str, random: Random) -> str:
    """Return the template with some of its words exchanged; `{placeholders}` stay."""
    parts = list(_parts(template))
    for place in range(1, len(parts), 2):
        if random.random() < _REWORDED_SHARE:
            parts[place] = random.choice(_GROUP_OF[parts[place]])
    return "".join(parts)


def hedge(template: str, random: Random) -> str:
    """Return the template with a start, an end, or both, that say nothing about the event."""
    before = random.random() < 0.6
    start = f"{random.choice(_HEDGES)}{random.choice((',', ':', ' -'))} " if before else ""
    end = f", {random.choice(_TAGS)}" if not before or random.random() < 0.4 else ""
    return f"{start}{template}{end}"
