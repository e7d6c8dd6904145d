"""What goes wrong, how different people say it, and where.

An event is one service with one symptom at one site. Each symptom has several tellings that share
as few words as possible, since people who report the same fault rarely use the same ones.
"""

from collections.abc import Mapping, Sequence

# service -> (category, what people call it, its technical name)
SERVICES: Mapping[str, tuple[str, Sequence[str], str]] = {
    "Email": ("Software", ("Outlook", "my mailbox", "the mail client", "my inbox"), "exchange"),
    "VPN": ("Network", ("the VPN", "remote access", "the tunnel from home", "AnyConnect"), "vpngw"),
    "Payroll": (
        "Business Application",
        ("payroll", "the salary run", "payslips", "the HR pay portal"),
        "payapp",
    ),
    "Print": (
        "Hardware",
        ("the printer", "printing", "the copier on our floor", "the print queue"),
        "prnsrv",
    ),
    "File Share": ("Storage", ("the shared drive", "drive S", "our team folder", "network files"), "nasfs"),
    "CRM": (
        "Business Application",
        ("the CRM", "customer records", "the sales system", "account pages"),
        "crmweb",
    ),
    "ERP": (
        "Business Application",
        ("the ERP", "purchase orders", "goods receipt", "the ordering screen"),
        "erpdb",
    ),
    "Telephony": ("Telecom", ("the desk phone", "calls", "the softphone", "our hotline"), "pbx"),
    "Wi-Fi": ("Network", ("the wireless", "Wi-Fi", "WLAN", "the office network on my laptop"), "wlc"),
    "Single Sign-On": ("Access", ("login", "signing in", "my password", "the authenticator"), "idp"),
    "Intranet": ("Software", ("the intranet", "the staff pages", "the news portal", "the wiki"), "intraweb"),
    "Warehouse Scanner": (
        "Hardware",
        ("the hand scanner", "barcode guns", "picking devices", "the PDT"),
        "wms",
    ),
}

# symptom -> tellings: (title, description); {what} is the service's everyday name, {site} the place.
SYMPTOMS: Mapping[str, Sequence[tuple[str, str]]] = {
    "slow": (
        ("{what} is terribly slow", "Every click takes half a minute here in {site}. Colleagues next to me complain as well."),
        ("Waiting forever on {what}", "I watch the hourglass turn; work piles up since this morning. We sit in {site}."),
        ("{site}: response times unbearable", "Opening anything through {what} needs ages, then it finishes after all."),
        ("Performance issue", "Loading bars crawl when I use {what}. Reboot did not help. Location is {site}."),
    ),
    "down": (
        ("{what} not available", "Nothing opens, I only get a blank window. Whole team in {site} stands still."),
        ("Can't work - outage?", "Since a few minutes {what} is gone. Tried two computers at {site}, same result."),
        ("{site} offline", "We lost {what} completely, customers are waiting at the desk."),
        ("Please restart something", "{what} died all of a sudden. My neighbours at {site} have it too."),
    ),
    "denied": (
        ("No permission", "When opening {what} I am told that I lack rights, although it worked on Friday. Office {site}."),
        ("Access refused for {what}", "It throws me out with a forbidden notice. I changed nothing. ({site})"),
        ("Locked out since this morning", "{what} says my account isn't allowed. Two others in {site} report that too."),
        ("Rights missing after weekend", "Somebody seems to have removed our group in {site} from {what}."),
    ),
    "error": (
        ("Strange message in {what}", "A red box with code {code} pops up whenever I save. I am in {site}."),
        ("{code} again and again", "Pressing OK brings it straight back; {what} then closes. Greetings from {site}."),
        ("Crash while saving", "My entries in {what} vanish and a window shows {code}. {site} branch."),
        ("Application fault {code}", "Happens to everybody in {site} as soon as a form is submitted in {what}."),
    ),
    "wrong_data": (
        ("Figures look wrong", "Totals shown by {what} do not match our own list for {site}."),
        ("Old values in {what}", "Yesterday's changes have disappeared, I see last week's state. Site: {site}."),
        ("Entries missing", "Half of what we typed in {site} can't be found any more in {what}."),
        ("Duplicate lines in {what}", "Several items appear twice for {site}, others not at all."),
    ),
    "disconnects": (
        ("{what} drops all the time", "I am thrown off every ten minutes in {site} and must start again."),
        ("Connection unstable", "It comes and goes. {what} worked for a moment, then silence. Sitting in {site}."),
        ("Keeps losing contact", "Sessions break in the middle of a task with {what}, mostly around {site}."),
        ("Interrupted constantly", "Our people in {site} can't finish anything because {what} cuts out."),
    ),
    "no_sync": (
        ("{what} does not refresh", "What I change on one device never arrives on the other. {site} staff affected."),
        ("Stuck queue", "Items pile up and are not passed on by {what}; the counter only grows in {site}."),
        ("Transfer halted", "Nothing has come through {what} since lunch, says our back office at {site}."),
        ("Updates are not delivered", "We in {site} still wait for this morning's batch from {what}."),
    ),
    "certificate": (
        ("Security warning", "The browser says the page can't be trusted when I open {what}. From {site}."),
        ("Is this a hacker?", "A notice about an expired certificate appears in front of {what} here in {site}."),
        ("Padlock crossed out", "{what} asks me to continue at my own risk. Should I? ({site})"),
        ("Trust problem on {what}", "Since midnight machines at {site} refuse because something ran out of date."),
    ),
}  # fmt: skip

# cause -> what a change or problem record would call it, and follow-up symptoms people see.
CAUSES: Mapping[str, Sequence[str]] = {
    "storage volume full": (
        "Attachments can't be stored",
        "Export stops half way",
        "Temporary folder complaint",
    ),
    "switch firmware update": (
        "Meeting room screen black",
        "Badge reader at the door blinks",
        "Video call freezes",
    ),
    "expired service account": ("Nightly job did not run", "Dashboard empty", "Reports were not mailed"),
    "database failover": ("Search returns nothing", "Saved filters gone", "Approval step hangs"),
    "faulty patch": ("Add-in vanished", "Keyboard layout changed", "Start menu empty"),
}

UNRELATED: Sequence[tuple[str, str]] = (
    ("New starter on {day}", "Please prepare {what} for a colleague who joins us in {site}."),
    ("How do I set up {what}?", "Just a question, nothing is broken. Is there a guide? {site}."),
    ("Request: more licences", "Our department in {site} grows; we need further seats for {what}."),
    ("Replace my mouse", "The left button sticks. I usually work in {site}, room {room}."),
    ("Move of workplace", "I change desks to room {room} in {site}; {what} should come along."),
    ("Training wanted", "Two people in {site} would like an introduction to {what}."),
    ("Remove a leaver from {what}", "Contract ended on {day}. Manager at {site} has confirmed."),
    ("Cable too short", "The dock in room {room}, {site}, can't be reached."),
)

GERMAN: Sequence[tuple[str, str]] = (
    (
        "{what} geht nicht",
        "Seit heute früh funktioniert hier in {site} gar nichts mehr. Bitte um schnelle Hilfe.",
    ),
    ("Problem mit {what}", "Mehrere Kollegen in {site} melden denselben Fehler, wir können nicht arbeiten."),
)

OPENERS: Sequence[str] = (
    "Hello,", "Hi team,", "Good morning,", "", "", "Dear service desk,", "To whom it may concern,", "Hey,",
)  # fmt: skip
DETAILS: Sequence[str] = (
    "It began around {clock}.", "First noticed at {clock}.", "I have a deadline today.", "Laptop, Windows 11.",
    "Restarted twice.", "Happens in room {room} too.", "My manager is asking.", "Not urgent for me, but for others.",
    "We have visitors later.", "I can be reached on {phone}.", "Call me: {phone}.", "Mail me at {mail}.",
    "Screenshot attached.", "No change after clearing the cache.", "", "", "",
)  # fmt: skip
CLOSERS: Sequence[str] = (
    "Thanks, {name}",
    "Regards\n{name}\n{mail}",
    "{name}, {phone}",
    "Many thanks!",
    "",
    "",
    "",
)

SITES_FIRST = (
    "North",
    "South",
    "East",
    "West",
    "Upper",
    "Lower",
    "New",
    "Old",
    "Port",
    "Saint",
    "Great",
    "Little",
)
SITES_SECOND = (
    "Ashford", "Brindle", "Calder", "Dunmore", "Elmsted", "Farley", "Gorse", "Harrow", "Inver", "Kelso", "Larch",
    "Marden", "Norwick", "Oakham", "Penrith", "Quarry", "Rowan", "Selby", "Thorne", "Upton", "Warden", "Yarrow",
)  # fmt: skip
NAMES = (
    "A. Keller", "B. Okafor", "C. Lindqvist", "D. Moreau", "E. Tanaka", "F. Rossi", "G. Novak", "H. Silva",
    "I. Haddad", "J. Brandt", "K. Osei", "L. Petrov",
)  # fmt: skip
