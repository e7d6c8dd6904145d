"""Faults of mail, telephony, printing and desktops."""

from ticketkin.tickets.sample.faults import Fault, Service

OFFICE = (
    Service(
        "Corporate Mail",
        "Email",
        "Messaging",
        "mbx",
        (
            Fault(
                "Delivery",
                ("supplier orders", "payslips", "booking confirmations", "newsletters", "scans"),
                (
                    ("Outbox stuck", "{thing} sit in the outbox and never leave"),
                    (
                        "Customers say they got nothing from us",
                        "people outside keep asking where our {thing} are",
                    ),
                    ("SMTP queue growing", "the relay defers everything with 451 and {thing} pile up"),
                    (
                        "Messages hours late",
                        "what I wrote at breakfast turned up after lunch, including {thing}",
                    ),
                ),
                ("expired relay certificate", "a full spool disk", "a blocked outgoing address"),
            ),
            Fault(
                "Calendar",
                ("board room", "interview slot", "shift roster", "team calendar"),
                (
                    (
                        "Meeting room double booked",
                        "two groups stood before the {thing} with the same invitation",
                    ),
                    ("Appointments off by an hour", "everything in the {thing} has moved sixty minutes"),
                    ("Free/busy not shown", "the scheduler paints grey bars instead of the {thing}"),
                    ("Cannot accept invites", "pressing yes throws an error and the {thing} stays tentative"),
                ),
                ("a wrong time zone file", "a stuck resource mailbox", "a damaged free/busy folder"),
            ),
            Fault(
                "Access",
                ("shared mailbox", "archive folder", "delegated inbox", "info@ mailbox"),
                (
                    ("Locked out of postbox", "the {thing} refuses to open since today"),
                    ("Folder vanished in Outlook", "the left pane lost the {thing} overnight"),
                    (
                        "Delegates get 'no permission'",
                        "full access on the {thing} was removed for the whole crew",
                    ),
                    ("Kein Zugriff auf Postfach", "das {thing} meldet fehlende Rechte"),
                ),
                (
                    "a nested group that was emptied",
                    "an automatic mapping gone wrong",
                    "a licence that lapsed",
                ),
            ),
        ),
        ("Service Portal", "Order Desk"),
    ),
    Service(
        "Telephony",
        "Telephony",
        "Voice",
        "sbc",
        (
            Fault(
                "Calls",
                ("hotline", "reception line", "fax number", "emergency extension"),
                (
                    ("Nobody can reach us", "callers of the {thing} hear an engaged tone"),
                    ("Phone dead", "handset shows no registration and the {thing} stays silent"),
                    ("SIP trunk rejecting", "503 on every INVITE towards the {thing}"),
                    ("Conversations cut off", "after half a minute the {thing} drops whoever is speaking"),
                ),
                ("a carrier outage", "too few channels", "a wrong codec list"),
            ),
            Fault(
                "Quality",
                ("headset", "conference phone", "softphone", "wallboard"),
                (
                    ("Sounds like a robot", "voices on the {thing} come chopped and metallic"),
                    ("Echo", "I hear my own words back in the {thing}"),
                    ("Jitter above limit", "packet loss hits media streams of the {thing}"),
                    ("One way audio", "they hear us but the {thing} gives us nothing"),
                ),
                (
                    "missing voice priority on the uplink",
                    "a firmware mismatch",
                    "an overloaded media gateway",
                ),
            ),
            Fault(
                "Voicemail",
                ("greeting", "message light", "queue menu", "callback list"),
                (
                    ("Wrong announcement plays", "customers get last winter's {thing}"),
                    ("Cannot fetch recorded messages", "PIN is taken but the {thing} never loads"),
                    ("IVR prompts missing", "prompt files behind the {thing} return file not found"),
                    ("Buzón de voz no funciona", "el sistema no reproduce nada en {thing}"),
                ),
                ("prompt files not replicated", "a reset PIN policy", "an unmounted share"),
            ),
        ),
        ("Order Desk", "Service Portal"),
    ),
    Service(
        "Print Service",
        "Hardware",
        "Workplace",
        "prt",
        (
            Fault(
                "Queue",
                ("label printer", "plotter", "colour copier", "receipt printer", "badge printer"),
                (
                    ("Nothing comes out", "jobs disappear and the {thing} stays idle"),
                    ("Spooler keeps stopping", "the service behind the {thing} faults in win32spl"),
                    ("Documents waiting forever", "forty documents ahead of mine at the {thing}"),
                    ("No paper trail for the drivers", "lorries wait because the {thing} is on strike"),
                ),
                ("a damaged driver", "one huge job blocking all", "an address conflict"),
            ),
            Fault(
                "Output",
                ("delivery notes", "barcodes", "certificates", "patient wristbands"),
                (
                    ("Gibberish on the page", "odd signs instead of {thing}"),
                    ("Scanner can't read what we print", "the hand scanners bleep red at our {thing}"),
                    ("Margins shifted", "half of the {thing} falls off the sheet"),
                    ("PCL parse errors", "rendering of {thing} aborts with a font substitution error"),
                ),
                ("a missing font", "a wrong tray profile", "a worn print head"),
            ),
            Fault(
                "Badge release",
                ("follow-me station", "card reader", "lobby device", "ward printer"),
                (
                    ("Card not recognised", "holding my card to the {thing} does nothing"),
                    ("Release list is empty", "login works, yet the {thing} lists no documents"),
                    (
                        "Auth timeouts to print server",
                        "LDAP lookups from the {thing} take over thirty seconds",
                    ),
                    ("Asks for PIN each time", "the {thing} forgets who we are"),
                ),
                ("a stale directory replica", "a swapped reader type", "a full job database"),
            ),
        ),
        ("Warehouse System", "Hospital Records"),
    ),
    Service(
        "Workplace Desktop",
        "Software",
        "Workplace",
        "wks",
        (
            Fault(
                "Performance",
                ("spreadsheet", "drawing program", "browser", "document editor"),
                (
                    ("Laptop crawls", "it takes ages until the {thing} reacts to a click"),
                    ("Fan screams all day", "machine hot and the {thing} freezes"),
                    ("CPU pegged by agent", "an endpoint scan eats all cores while the {thing} starves"),
                    ("White screen", "the {thing} turns pale and says not responding"),
                ),
                ("a looping virus scan", "an add-in released yesterday", "a disk nearly worn out"),
            ),
            Fault(
                "Start-up",
                ("docking station", "thin client", "meeting room computer", "tablet"),
                (
                    ("Blue screen in the morning", "the {thing} falls into a stop error at boot"),
                    ("Asks for recovery key", "a long number is wanted before the {thing} starts"),
                    ("Update loop", "the {thing} goes to 30 percent, undoes it and restarts"),
                    ("Black after login", "only a pointer on the {thing}, no icons"),
                ),
                ("a faulty firmware patch", "a changed secure boot setting", "an incomplete update"),
            ),
            Fault(
                "Profile",
                ("bookmarks", "desktop icons", "templates", "signature block"),
                (
                    ("All my stuff is gone", "no trace of my {thing} this morning"),
                    ("Temporary profile loaded", "event 1511 is logged and {thing} are reset"),
                    ("Settings don't stick", "each day I arrange the {thing} anew"),
                    ("Looks like a new computer", "colleagues find an empty screen without {thing}"),
                ),
                ("a roaming share without space", "a broken registry hive", "a renamed profile path"),
            ),
        ),
        ("Corporate Mail", "Service Portal"),
    ),
)
