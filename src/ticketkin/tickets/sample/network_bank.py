"""Faults of networks, sign-in, storage and databases."""

from ticketkin.tickets.sample.faults import Fault, Service

NETWORK = (
    Service(
        "Site Network",
        "Network",
        "Network Operations",
        "sw",
        (
            Fault(
                "Wireless",
                ("handhelds", "guest laptops", "forklift terminals", "tablets"),
                (
                    ("Wifi gone", "no bars any more for our {thing}"),
                    ("Access points drop clients", "radius rejects and deauth storms hit {thing}"),
                    ("Have to stand by the window", "only one corner has signal for the {thing}"),
                    ("WLAN bricht ab", "die Verbindung der {thing} reisst alle paar Minuten"),
                ),
                ("an expired radius certificate", "a crashed controller", "radar on the chosen channel"),
            ),
            Fault(
                "Wide area",
                ("leased line", "branch router", "backup link", "cloud circuit"),
                (
                    ("Whole building offline", "no internet and no shared drives, the {thing} is blamed"),
                    ("BGP flapping", "neighbour of the {thing} resets every ninety seconds"),
                    (
                        "Everything terribly slow here",
                        "pages load line by line, somebody mentioned the {thing}",
                    ),
                    ("We are cut off", "not even the coffee machine app works, the {thing} may be dead"),
                ),
                ("a dug-up fibre", "a failed power supply", "a routing change"),
            ),
            Fault(
                "Cabling",
                ("wall socket", "patch panel", "ceiling camera", "till lane"),
                (
                    ("Plug gives no link", "the little lamp at the {thing} is dark"),
                    ("Port err-disabled", "BPDU guard shut the port of the {thing}"),
                    (
                        "Moved desk and now nothing",
                        "since the furniture was shifted the {thing} has no connection",
                    ),
                    ("Intermittent at one spot", "wiggling the cord at the {thing} helps for a second"),
                ),
                ("a loop made with a patch cord", "a crushed cable", "a wrong VLAN"),
            ),
        ),
        ("Telephony", "Warehouse System", "Print Service"),
    ),
    Service(
        "Remote Access",
        "Network",
        "Security",
        "vpn",
        (
            Fault(
                "VPN",
                ("home office line", "tunnel client", "hotel connection", "contractor laptop"),
                (
                    ("Can't work from home", "the {thing} spins and never joins the company"),
                    ("Tunnel drops hourly", "rekey fails and the {thing} has to be started anew"),
                    ("IKE negotiation failed", "phase two proposals from the {thing} don't match"),
                    ("Kicked out while on the road", "in the middle of work the {thing} says goodbye"),
                ),
                ("an exhausted address pool", "a gateway failover", "a changed cipher list"),
            ),
            Fault(
                "Token",
                ("authenticator app", "hardware key", "text message code", "smart card"),
                (
                    ("Six digits always wrong", "whatever I type from the {thing} is refused"),
                    ("New phone, no codes", "after changing handset the {thing} stayed behind"),
                    ("MFA challenge not delivered", "push requests for the {thing} expire undelivered"),
                    ("Second step hangs", "password fine, but then the {thing} is awaited forever"),
                ),
                (
                    "clock drift on the validation server",
                    "an outage at the message provider",
                    "an old enrolment",
                ),
            ),
            Fault(
                "Virtual desktop",
                ("remote session", "published app", "design workstation", "kiosk session"),
                (
                    ("Screen frozen in Citrix", "picture of the {thing} stands still"),
                    ("No free seats", "I am told that all places for the {thing} are taken"),
                    ("Broker refuses sessions", "hosts of the {thing} are unregistered"),
                    ("Keyboard types wrong letters", "y and z swapped within the {thing}"),
                ),
                (
                    "hosts not registered after patching",
                    "a licence server down",
                    "a policy with a wrong layout",
                ),
            ),
        ),
        ("Service Portal", "Finance Suite"),
    ),
    Service(
        "Identity",
        "Access",
        "Identity Management",
        "dc",
        (
            Fault(
                "Sign-in",
                ("work account", "training account", "trainee login", "single sign-on page"),
                (
                    ("Password not accepted", "my {thing} says wrong although I type it right"),
                    ("Account locked again", "three times today the {thing} had to be released"),
                    ("Kerberos pre-auth failures", "KDC 0x18 floods the log for every {thing}"),
                    ("Anmeldung nicht möglich", "{thing} wird abgewiesen, auch am Nachbarrechner"),
                ),
                ("a replica that stopped replicating", "an old saved password", "a clock that runs ahead"),
            ),
            Fault(
                "Permissions",
                ("project drive", "payroll role", "lab folder", "admin console"),
                (
                    ("Access denied", "I could open the {thing} last week, now a red cross"),
                    ("New starter sees nothing", "our new colleague gets no {thing}"),
                    ("Group membership lost", "provisioning removed entitlements for the {thing}"),
                    ("Too many rights", "an intern can suddenly edit the {thing}"),
                ),
                (
                    "an overeager role clean-up",
                    "a wrong cost centre in the staff file",
                    "a failed nightly sync",
                ),
            ),
            Fault(
                "Certificates",
                ("intranet", "partner gateway", "time sheet page", "wiki"),
                (
                    ("Browser warns of danger", "a red page shouts when I open the {thing}"),
                    ("TLS handshake fails", "chain of the {thing} ends in an unknown issuer"),
                    ("Not secure sign", "a crossed lock is seen beside the {thing}"),
                    ("Partner can't connect", "their machine won't trust our {thing} any longer"),
                ),
                ("a certificate that ran out", "a missing intermediate", "an outdated trust store"),
            ),
        ),
        ("Corporate Mail", "Remote Access", "Finance Suite"),
    ),
    Service(
        "File Storage",
        "Storage",
        "Platform",
        "nas",
        (
            Fault(
                "Capacity",
                ("video archive", "design share", "home drives", "scan folder"),
                (
                    ("Cannot save", "I am told there is not enough space in the {thing}"),
                    ("Volume at 100 %", "snapshots fill the aggregate below the {thing}"),
                    ("Files with zero bytes", "what we store in the {thing} ends up empty"),
                    ("Please delete something!", "nobody here can put anything more into the {thing}"),
                ),
                ("snapshots that were not expired", "a runaway log", "a quota set too low"),
            ),
            Fault(
                "Restore",
                ("contract folder", "photo library", "budget workbook", "thesis folder"),
                (
                    ("Deleted by mistake", "somebody dragged the {thing} into nowhere"),
                    ("Need yesterday's version", "the {thing} was overwritten with rubbish"),
                    ("Backup set unreadable", "catalogue of the {thing} fails checksum"),
                    ("Documents turned to .locked", "strange endings appeared all over the {thing}"),
                ),
                ("a script run in the wrong folder", "a failed backup chain", "a sync conflict"),
            ),
            Fault(
                "Speed",
                ("drawing store", "shared macro", "mapped drive", "media folder"),
                (
                    ("Explorer hangs", "opening the {thing} gives a green bar that crawls"),
                    ("High disk latency", "IO waits of 400 ms on the {thing}"),
                    ("Coffee break per document", "each time I touch the {thing} I can go and chat"),
                    ("Drive letter has disappeared", "no more M: and with it the {thing} is lost"),
                ),
                ("a rebuilding disk", "a scan of all files at noon", "a lost path to the array"),
            ),
        ),
        ("Hospital Records", "Engineering Vault"),
    ),
)
