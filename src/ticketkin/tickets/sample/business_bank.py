"""Faults of business applications."""

from ticketkin.tickets.sample.faults import Fault, Service

BUSINESS = (
    Service(
        "Finance Suite",
        "Application",
        "ERP Support",
        "erp",
        (
            Fault(
                "Posting",
                ("supplier invoice", "credit memo", "travel claim", "asset entry"),
                (
                    ("Booking refused", "the ledger turns down my {thing} as period closed"),
                    ("Cannot pay our vendors", "the accountant says no {thing} goes through"),
                    ("Update task terminated", "dump SAPSQL_ARRAY_INSERT when saving a {thing}"),
                    ("Amounts doubled", "each {thing} shows up twice in the books"),
                ),
                (
                    "a period opened for the wrong company",
                    "a number range used up",
                    "a transport with an old table",
                ),
            ),
            Fault(
                "Payments",
                ("salary run", "direct debit file", "bank statement", "refund batch"),
                (
                    ("Money did not arrive", "staff ask why their account is empty, {thing} missing"),
                    ("Bank rejects upload", "the house bank sent back the {thing}"),
                    ("EBICS transfer error", "order type for the {thing} ends with 091116"),
                    ("Zahlung hängt", "der {thing} steht seit gestern auf wartend"),
                ),
                ("a changed bank key", "a wrong file format version", "a missed approval step"),
            ),
            Fault(
                "Reports",
                ("balance sheet", "cost centre list", "VAT return", "cash forecast"),
                (
                    ("Figures don't add up", "the {thing} differs from what I counted by hand"),
                    ("Auditor waiting", "the {thing} won't appear and visitors are in the house"),
                    ("Extractor aborted", "delta load feeding the {thing} stopped on a short dump"),
                    ("Export opens as garbage", "numbers became dates when I saved the {thing}"),
                ),
                ("a missing currency rate", "a load that ended halfway", "a changed layout"),
            ),
        ),
        ("Order Desk", "Service Portal"),
    ),
    Service(
        "Warehouse System",
        "Application",
        "Logistics IT",
        "wms",
        (
            Fault(
                "Picking",
                ("pick list", "pallet label", "tote conveyor", "loading plan"),
                (
                    ("Crew standing still", "no one gets a {thing} on the glove scanner"),
                    ("Wave not released", "tasks of the {thing} are stuck in status 20"),
                    ("Wrong shelf shown", "it sends us to aisle 9 though the {thing} is elsewhere"),
                    ("Lorries leave half empty", "the {thing} stops and drivers grumble"),
                ),
                ("a hung allocation job", "a lock in the task table", "a wrong zone after stocktaking"),
            ),
            Fault(
                "Stock",
                ("frozen goods", "spare parts", "returns", "hazardous goods"),
                (
                    ("Counts are nonsense", "the screen says minus twelve for {thing}"),
                    ("Cannot book in", "arrivals of {thing} are refused at the gate"),
                    ("Interface messages in error", "IDocs with {thing} fail in status 51"),
                    ("Shop sells what we don't have", "orders come in for {thing} that ran out long ago"),
                ),
                ("a message processed twice", "a unit of measure changed", "a stopped interface"),
            ),
            Fault(
                "Devices",
                ("hand scanner", "truck terminal", "scale", "parcel gate"),
                (
                    ("Gun beeps but nothing happens", "the {thing} reads and then stares at us"),
                    ("Session lost in telnet", "emulation on the {thing} ends with a broken pipe"),
                    ("Weight always zero", "whatever we put on, the {thing} shows nothing"),
                    ("Freezes in the cold hall", "below zero the {thing} stops after minutes"),
                ),
                ("a firmware roll-out", "a flat spare battery", "a changed terminal address"),
            ),
        ),
        ("Order Desk", "Finance Suite"),
    ),
    Service(
        "Order Desk",
        "Application",
        "Commerce",
        "web",
        (
            Fault(
                "Checkout",
                ("voucher", "card payment", "gift card", "delivery slot"),
                (
                    (
                        "Customers abandon the basket",
                        "buyers write that the {thing} step goes round in circles",
                    ),
                    ("HTTP 502 at the last step", "upstream for the {thing} resets connections"),
                    ("Paid but no order", "cash was taken for the {thing}, no confirmation"),
                    ("Button greyed out", "one can't click on continue after the {thing}"),
                ),
                ("a payment provider with a fault", "a cache after the release", "a wrong tax rule"),
            ),
            Fault(
                "Catalogue",
                ("winter range", "price list", "product photos", "size chart"),
                (
                    ("Wrong prices online", "the {thing} shows last year's values"),
                    ("Search finds nothing", "typing any word yields no {thing}"),
                    ("Index rebuild fails", "shards for the {thing} remain unassigned"),
                    ("Empty squares", "visitors see grey boxes in place of the {thing}"),
                ),
                ("an import with a wrong separator", "an index without replicas", "a content store offline"),
            ),
            Fault(
                "Orders",
                ("wholesale order", "subscription", "back order", "sample shipment"),
                (
                    ("Where is my parcel", "the client rings each day about the {thing}"),
                    ("Status not moving", "for days the {thing} reads in preparation"),
                    ("Message broker backlog", "consumer lag on topic of the {thing} grows"),
                    ("Pedidos bloqueados", "no avanza ningún {thing} desde temprano"),
                ),
                ("a consumer that died", "a poison message", "an address check that rejects all"),
            ),
        ),
        ("Finance Suite", "Warehouse System"),
    ),
    Service(
        "Hospital Records",
        "Application",
        "Clinical Systems",
        "his",
        (
            Fault(
                "Charts",
                ("lab result", "medication plan", "X-ray picture", "discharge letter"),
                (
                    ("Doctor can't see it", "ward round without any {thing}"),
                    ("HL7 feed stopped", "ORU messages for the {thing} are not acknowledged"),
                    ("Belongs to someone else", "another person's {thing} hangs in the file"),
                    ("Blank viewer", "where the {thing} should be I look at a dark frame"),
                ),
                ("an interface engine out of memory", "a wrong merge of two persons", "a viewer plug-in"),
            ),
            Fault(
                "Admission",
                ("bed board", "insurance card", "waiting list", "wristband"),
                (
                    ("Queue at the front desk", "we write on paper as the {thing} is gone"),
                    ("ADT errors", "A01 events with the {thing} are parked"),
                    ("Reader blinks red", "the {thing} cannot be taken up"),
                    ("Patients booked twice", "two entries for each {thing} since the night"),
                ),
                ("a card service unavailable", "a duplicate feed", "a database lock"),
            ),
        ),
        ("Print Service", "Finance Suite"),
    ),
    Service(
        "Engineering Vault",
        "Application",
        "Engineering IT",
        "plm",
        (
            Fault(
                "Check-in",
                ("gearbox model", "circuit board", "drawing set", "parts list"),
                (
                    ("Can't hand in my work", "the vault keeps the {thing} locked by a ghost"),
                    ("Transaction rolled back", "ORA-00060 while committing the {thing}"),
                    ("Old revision comes back", "yesterday's changes in the {thing} are missing"),
                    ("Someone else has it", "a man who left in May still holds the {thing}"),
                ),
                ("a deadlock in the database", "an orphaned lock", "a replication gap"),
            ),
            Fault(
                "Licences",
                ("simulation tool", "viewer", "CAM module", "mesh generator"),
                (
                    ("No licence available", "I wait for hours to start the {thing}"),
                    ("FlexLM daemon down", "vendor daemon for the {thing} exits with -97"),
                    ("Starts in demo mode", "a watermark appears on everything from the {thing}"),
                    ("Team can't calculate", "none of the designers gets into the {thing}"),
                ),
                (
                    "a licence file that ran out",
                    "a server with a new address",
                    "borrowed seats never returned",
                ),
            ),
        ),
        ("File Storage", "Warehouse System"),
    ),
    Service(
        "Service Portal",
        "Application",
        "Service Management",
        "app",
        (
            Fault(
                "Forms",
                ("leave request", "hardware order", "visitor pass", "parking permit"),
                (
                    ("Send does nothing", "I fill the {thing} and the page just sits there"),
                    ("Approval mail never came", "my boss got no notice of the {thing}"),
                    ("Workflow in error state", "the engine cancels each {thing} at stage two"),
                    ("Selection list empty", "no choices in the {thing}"),
                ),
                ("a business rule changed", "a mail action without owner", "an empty reference list"),
            ),
            Fault(
                "Knowledge",
                ("how-to page", "news banner", "chat helper", "price overview"),
                (
                    ("Page not found", "a click on the {thing} leads to 404"),
                    ("Bot talks nonsense", "asking the {thing} gives French poetry"),
                    ("Search index stale", "nightly crawl skips the {thing}"),
                    ("Old text shown", "what I read in the {thing} is from years ago"),
                ),
                ("a link moved without forward", "an index job switched off", "a cached page"),
            ),
        ),
        ("Corporate Mail", "Identity"),
    ),
)
