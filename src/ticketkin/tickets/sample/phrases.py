"""Words around the symptom: places, people, impact, attempts, greetings."""

TOWNS = [
    "Aldermere",
    "Brookhaven",
    "Carrowdale",
    "Dunfield",
    "Eastmoor",
    "Felsberg",
    "Greywick",
    "Harlow",
    "Ivybridge",
    "Jasperton",
    "Kelmont",
    "Larkhill",
    "Mossgate",
    "Northwell",
    "Oakridge",
    "Penrow",
    "Quarryford",
    "Rosedale",
    "Saltmarsh",
    "Thornby",
    "Underhill",
    "Velmar",
    "Westcliff",
    "Yarrow",
    "Zellbach",
    "Ashcombe",
    "Birkfeld",
    "Coldwater",
    "Drumlin",
    "Elmstead",
]
BUILDINGS = (
    "north wing", "south wing", "main hall", "annex", "old mill", "tower", "pavilion", "gate house",
    "block C", "block F", "lower floor", "third floor", "loading bay", "training centre", "workshop",
    "laboratory", "canteen side", "hangar",
)  # fmt: skip
TEAMS = (
    "accounts payable", "night shift", "dispatch", "purchasing", "payroll", "quality lab", "legal",
    "customer care", "marketing", "field service", "reception", "controlling", "tool shop", "nursing",
    "admissions", "export office", "apprentices", "planning", "inventory", "press office",
)  # fmt: skip
FIRST = [
    "Ana",
    "Ben",
    "Carla",
    "Dev",
    "Edda",
    "Finn",
    "Gita",
    "Hugo",
    "Ines",
    "Jon",
    "Kira",
    "Leo",
    "Mina",
    "Noah",
    "Olga",
    "Piet",
    "Rosa",
    "Sam",
    "Tara",
    "Udo",
]
LAST = [
    "Abel",
    "Brandt",
    "Castillo",
    "Dorn",
    "Ekström",
    "Frost",
    "Garcia",
    "Holm",
    "Ivers",
    "Jung",
    "Keller",
    "Lund",
    "Marsh",
    "Novak",
    "Ortiz",
    "Pohl",
]

OPENERS = (
    "Hello,", "Hi team,", "Good day.", "Dear colleagues,", "URGENT!", "Sorry to bother you,", "Hey,",
    "Guten Morgen,", "Once more me.", "", "", "", "", "",
)  # fmt: skip
LEADS = (
    "{since} {clause}{place}",
    "{clause}{place}, {since}",
    "{team} rang: {clause}{place}",
    "{caller} says that {clause}{place}",
    "as far as I can tell {clause}{place}",
    "it seems {clause}{place} {since}",
    "observed {since}{place}: {clause}",
    "we noticed {since} that {clause}{place}",
    "{clause}, {team} told me{place}",
    "no idea why, but {clause}{place}",
    "calling for {team}{place}; {clause}",
    "{clause}",
)
PLACES = (" in {town}", " at {town} {building}", " ({building}, {town})", " in the {building}", " over in {town}",
          " here at {town}")  # fmt: skip
SINCE = (
    "since {hour}", "from about {hour} on", "after the break", "since this morning", "as of {hour}",
    "today", "for a good hour", "all of a sudden", "again and again", "since we came in", "right now",
)  # fmt: skip
ASIDES = (
    "{n} of {team} can't go on",
    "{team} has {n} people idle",
    "{team} now does it by hand, roughly {n} cases so far",
    "boss of {team} wants news before {hour}",
    "{town} has a deadline at {hour}",
    "I tried {attempt} and it stayed the same",
    "{attempt} didn't help {caller}",
    "after {attempt} it worked for {n} minutes",
    "{caller} did {attempt} already, without luck",
    "is it only us in {town} or others too?",
    "the neighbours in the {building} are fine, {team} is not",
    "please phone {caller} in {town}",
    "asset {asset} is the one concerned",
    "it mentions {code} at the end",
    "a box pops up reading {code}",
    "{asset} logged {code} {n} times",
    "trace attached, see {code} near {hour}",
    "{n} users so far, most from {building}",
    "not sure if {asset} matters here",
    "same for my colleague {caller}, who sits in the {building}",
    "could someone from your side come to the {building} before {hour}",
    "we lose about {n} orders an hour in {town}",
)
ATTEMPTS = (
    "a restart", "pulling the plug", "another browser", "clearing the cache", "logging off and on",
    "a different cable", "waiting", "another user's login", "turning it off", "reinstalling",
    "the usual steps", "a colleague's machine",
)  # fmt: skip
FOLLOW_UPS = (
    ("Backlog after the other trouble", "work that should flow from {cause} to us waits"),
    ("Knock-on at our end", "whatever {cause} feeds is late, so we are idle too"),
    ("Timeouts calling upstream", "our jobs wait for {cause} and then give up"),
    ("Data from this morning absent", "nothing has been handed over by {cause}"),
    ("Side effect?", "since {cause} had a bad day our screens show old values"),
)
ALERTS = (
    "[{monitor}] CRITICAL {item}: {metric} is {value} (threshold {limit})",
    "[{monitor}] {item} {metric} above {limit} for 5 min, current {value}",
    "[{monitor}] PROBLEM - {item} - {metric} - {value}",
)
METRICS = (
    "cpu_load",
    "disk_used_percent",
    "queue_length",
    "http_5xx_rate",
    "ping_loss",
    "swap_in",
    "latency_ms",
)
MONITORS = ("Watchtower", "Pulse", "NodeGuard")
FIXES = (
    "Removed {cause}, checked with {caller}.",
    "Root cause was {cause}; corrected, {caller} confirms.",
    "{cause} found by the {group} team and put right.",
    "Fixed: {cause}. Back to normal at {hour}.",
)
MASTER_NOTES = (
    "Duplicate of {number}",
    "Closed as duplicate of {number}.",
    "duplicate of {number}, see there",
)
