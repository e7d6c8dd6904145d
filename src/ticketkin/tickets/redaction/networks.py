"""IP and MAC addresses."""

import ipaddress
import re

from ticketkin.tickets.redaction.recogniser import (
    DOTTED,
    HEX_GROUPS,
    IP,
    MAC,
    Recogniser,
    Span,
    before,
)

# Words behind which four numbers with dots count releases or chapters.
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:versions?|ver|vers|v|release[sd]?|rel|builds?|firmware|driver|treiber|patch(?:es)?"
    r"|update[ds]?|upgrade[ds]?"
    r"|micrologiciel|versión|versionen|section|chapter|chapitre|abschnitt|kapitel|clause|installed|jre"
    r"|jdk|java|vm|openj9|since|chrome"
    r"|firefox|edge|office|outlook|teams|client|plugin|revision|sp|hf|hotfix|kb|oid|raum|room)"
    r"(?:[\s.:=#(]{1,2}(?:is|of|to|from|no|nr|von|auf|de|du|number|nummer))?[\s.:=#(-]{0,3})$"
)
_ADDRESS_NEAR = re.compile(
    r"\b(?:ip(?:v4)?s?|ip-?ad\w+|address\w*|adress\w*|dirección|hosts?|ping\w*|servers?|gateway"
    r"|passerelle|dns|subnet|route\w*"
    r"|proxy|nslookup|tracert|traceroute|ssh|rdp|telnet|src|dst|vlan|from|connect\w*)\b"
)
# "Upgrade Derby from 10.10.2.0 to 10.14.2.0": a release, unless an address is spoken of.
_CHANGE_BEFORE = re.compile(
    r"\b(?:version|upgrad|update|releas|migrat|aktualisier|mise à jour|actualiza|downgrad|bump)"
)
_ADDRESS_BEFORE = re.compile(
    r"\b(?:ip|address|adress|dirección|host|ping|server|gateway|dns|subnet|from host)"
)


def _ipv4(match: re.Match[str]) -> Span | None:
    octets = match["address"].split(".")
    if any(int(octet) > 255 or (len(octet) > 1 and octet[0] == "0") for octet in octets):
        return None
    address = ipaddress.IPv4Address(match["address"])
    if address.is_loopback or address.is_unspecified or octets[0] == "255":
        return None
    context = before(match)
    if re.match(r"\s?\((?:build|x64|32|64)", match.string[match.end() : match.end() + 8]):
        return None
    if _VERSION_BEFORE.search(context) or (
        _CHANGE_BEFORE.search(context) and not _ADDRESS_BEFORE.search(context)
    ):
        return None
    # Small first numbers are versions of software more often than public addresses.
    if int(octets[0]) < 32 and octets[0] != "10" and not match["more"] and not _ADDRESS_NEAR.search(context):
        return None
    return match.span("address")


def _ipv6(match: re.Match[str]) -> Span | None:
    text = match.group()
    if text.count(":") < 2 or ("::" not in text and text.count(":") != 7):
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    # "a::b" and "::1" are code or the machine itself; an address of a network has more to it.
    return match.span() if not (address.is_loopback or address.is_unspecified) and _has_body(text) else None


def _has_body(text: str) -> bool:
    groups = [group for group in text.split(":") if group]
    local = re.match(r"fe80::|f[cd][0-9a-f]{2}:", text, re.IGNORECASE) is not None
    return (len(groups) >= 3 or local) and any(character.isdigit() for character in text)


RECOGNISERS = (
    Recogniser(
        MAC,
        "mac",
        re.compile(
            r"[0-9A-Fa-f](?<![\w:.-].)(?:[0-9A-Fa-f](?P<gap>[:-])(?:[0-9A-Fa-f]{2}(?P=gap)){4}[0-9A-Fa-f]{2}"
            r"|[0-9A-Fa-f]{3}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![:.-]?\w)"
        ),
        (HEX_GROUPS,),
        "00:00:5E:00:53:AF",
        lambda match: match.span() if len(set(match.group())) > 2 else None,
    ),
    Recogniser(
        MAC,
        "labelled mac",
        re.compile(
            r"mac(?<!\w...)(?:[ -]?(?:address|adresse|addr))?\b[\s:=(]{1,4}(?:is\s|ist\s"
            r"|est\s)?(?P<value>[0-9A-F](?:[:. -]?[0-9A-F]){11})(?!\w)",
            re.I,
        ),
        ("=mac", "macaddr"),
        "mac: 00005E005322",
    ),
    Recogniser(
        IP,
        "ipv4",
        re.compile(
            r"(?P<address>\d(?<![\w.+-]\d)\d{0,2}(?:\.\d{1,3}){3})(?P<more>/\d{1,2}(?!\w)"
            r"|:\d{2,5}(?!\w))?(?![\w-]|\.\w)"
        ),
        (DOTTED,),
        "192.0.2.17",
        _ipv4,
    ),
    Recogniser(
        IP,
        "ipv6",
        re.compile(r"[0-9A-Fa-f:](?<![\w:.].)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){1,7}(?![\w:]|\.\w)"),
        (HEX_GROUPS,),
        "2001:db8:0:0:8a2e:370:7334:1",
        _ipv6,
    ),
)
