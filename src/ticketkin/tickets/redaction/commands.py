"""Passwords in command lines: behind an option for one, or where a known command takes it."""

import re

from ticketkin.tickets.redaction.recogniser import (
    CREDENTIAL,
    Recogniser,
    Span,
    labels,
    value_span,
    whole_words,
)
from ticketkin.tickets.redaction.secret_values import is_strong, not_hidden


def _argument(match: re.Match[str]) -> Span | None:
    """Take what follows an option: quoted, or strong."""
    span = value_span(match)
    if span is None or not_hidden(match) is None:
        return None
    return span if match["quote"] or is_strong(match["value"]) else None


RECOGNISERS = (
    Recogniser(
        CREDENTIAL,
        "option of a command",
        re.compile(
            r"(?<![\w-])(?:--?|/)(?:pass(?:word|wd|phrase)?|pwd|pw|secret|token|admin-?password)[ :]"
            r"(?P<quote>[\"']?)(?P<value>[^\s\"'|;&()<>-][^\s\"'|;&<>]{2,100})",
            re.I,
        ),
        (re.compile(r"[-/](?<!\w.)-?(?:[Pp][AaWw]|[Ss]ecret|[Tt]oken|[Aa]dmin)"),),
        "--password s3cret!",
        _argument,
    ),
    Recogniser(
        CREDENTIAL,
        "argument of a command",
        re.compile(
            labels(
                r"mysql(?:dump|admin)?\b[^\n]{0,120}?[ ]-p|mariadb\b[^\n]{0,120}?[ ]-p|sshpass[ ]-p[ ]?"
                r"|psexec\d*\b[^\n]{0,120}?[ ]-p[ ]"
                r"|plink\b[^\n]{0,120}?[ ]-pw[ ]|pscp\b[^\n]{0,120}?[ ]-pw[ ]|putty\b[^\n]{0,120}?[ ]-pw[ ]"
                r"|sqlcmd\b[^\n]{0,120}?[ ]-P[ ]|bcp\b[^\n]{0,120}?[ ]-P[ ]"
                r"|mosquitto_\w{1,8}\b[^\n]{0,120}?[ ]-P[ ]"
                r"|redis-cli\b[^\n]{0,120}?[ ]-a[ ]|ldap(?:search|modify|add"
                r"|whoami)\b[^\n]{0,120}?[ ]-w[ ]|docker[ ]login\b[^\n]{0,120}?[ ]-p[ ]"
                r"|curl\b[^\n]{0,120}?[ ](?:-u|--user)[ ]?[\"']?[\w.@\\-]{1,64}:"
                r"|smbclient\b[^\n]{0,120}?[ ]-U[ ]?[\w.\\-]{1,64}%"
                r"|net[ ]use\b[^\n]{0,120}?/user:[\w.@\\-]{1,64}[ ]"
                r"|net[ ]use[ ][\w:*]{1,4}[ ]\\\\[\w.\\$-]{1,80}[ ](?=[^\s/]+[ ]/user)"
                r"|net[ ]user[ ][\w.-]{1,64}[ ](?!/)|sqlplus[ ][\w.]{1,64}/"
                r"|convertto-securestring[ ](?:-string[ ])?",
                r"(?<![\w-].)",
            )
            + r""
            r"[\"']?(?P<value>[^\s\"'|;&<>-][^\s\"'|;&<>@]{2,100})",
            re.I,
        ),
        whole_words(
            "mysql mysqldump mysqladmin mariadb sshpass psexec plink pscp putty sqlcmd bcp mosquitto"
            " redis ldapsearch ldapmodify ldapadd"
            " ldapwhoami docker curl smbclient net sqlplus securestring"
        ),
        "curl -u deploy:S3cretSauce https://host.example",
        not_hidden,
    ),
)
