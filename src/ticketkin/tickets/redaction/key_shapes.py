"""The shapes that services give their keys: a prefix of their own, then random characters."""

import base64
import binascii
import re
from ticketkin.tickets.redaction.predicates import is_predicate
from ticketkin.tickets.redaction.recogniser import (
    LONG_RUN,
    PART_START,
    SCOPE,
    TOKEN,
    Recogniser,
    Span,
    is_placeholder_at,
    labels,
    value_span,
    whole_words,
)




# Shapes that the services document: a prefix of their own, then random characters.
KEY_SHAPES: tuple[tuple[str, str, str, str], ...] = (
    ("aws access key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", "akia asia abia acca", "AKIAIOSFODNN7EXAMPLE"),
    (
        "github",
        r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        "ghp_" + "a1" * 18,
    ),
    (
        "gitlab",
        r"gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent)-[\w-]{15,255}",
        "glpat- glptt- gldt- glrt- glcbt- glsoat- glft- glimt- glagent-",
        "glpat-" + "a1" * 10,
    ),
    ("slack", r"x(?:ox[abeoprs]|app)-[\w-]{10,255}", "xox xapp-", "xoxb-123456789012-abcdef"),
    (
        "stripe",
        r"(?:[spr]k_(?:live|test)|whsec|rk_live)_[A-Za-z0-9]{12,255}",
        "k_live_ k_test_ whsec_",
        "sk_live_" + "a1" * 12,
    ),
    (
        "google",
        r"AIza[\w-]{30,60}|ya29\.[\w-]{20,1000}|GOCSPX-[\w-]{20,60}|1//0[\w-]{20,200}",
        "aiza ya29. gocspx- 1//0",
        "AIza" + "a1" * 18,
    ),
    ("openai", r"sk-(?:proj-|ant-|svcacct-|or-)?[A-Za-z0-9_-]{20,255}", "sk-", "sk-proj-" + "a1" * 20),
    ("npm", r"npm_[A-Za-z0-9]{30,60}", "npm_", "npm_" + "a1" * 18),
    ("pypi", r"pypi-[\w-]{40,400}", "pypi-", "pypi-" + "a1" * 30),
    ("sendgrid", r"SG\.[\w-]{16,64}\.[\w-]{16,128}", "sg.", "SG." + "a1" * 11 + "." + "b2" * 20),
    ("azure client secret", r"[\w.-]{3}[78]Q~[\w~.-]{30,40}", "q~", "abC8Q~" + "a1" * 17),
    (
        "hashicorp",
        r"hv[sbr]\.[\w-]{20,255}|[\w]{14}\.atlasv1\.[\w-]{30,100}",
        "hvs. hvb. hvr. atlasv1",
        "hvs." + "a1" * 12,
    ),
    ("hugging face", r"hf_[A-Za-z0-9]{30,60}", "hf_", "hf_" + "a1" * 17),
    ("atlassian", r"AT(?:ATT|CTT|BB)[\w=-]{20,300}", "atatt atctt atbb", "ATATT3x" + "a1" * 12),
    ("digitalocean", r"do[por]_v1_[a-f0-9]{40,80}", "_v1_", "dop_v1_" + "a1" * 32),
    (
        "shopify",
        r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,40}",
        "shpat_ shpca_ shppa_ shpss_",
        "shpat_" + "a1" * 16,
    ),
    ("databricks", r"dapi[a-f0-9]{32}(?:-\d)?", "dapi", "dapi" + "a1" * 16),
    ("grafana", r"gl(?:sa|c)_[\w=-]{20,200}", "glsa_ glc_", "glsa_" + "a1" * 16),
    ("docker", r"dckr_(?:pat|oat)_[\w-]{20,60}", "dckr_", "dckr_pat_" + "a1" * 13),
    ("new relic", r"NRAK-[A-Z0-9]{20,40}", "nrak-", "NRAK-" + "A1" * 13),
    ("square", r"sq0(?:atp|csp|idp)-[\w-]{20,60}|EAAA[\w-]{50,70}", "sq0 eaaa", "sq0atp-" + "a1" * 11),
    ("mailchimp", r"[a-f0-9]{32}-us\d{1,2}", "-us", "a1" * 16 + "-us12"),
    ("mailgun", r"key-[a-f0-9]{32}", "key-", "key-" + "a1" * 16),
    ("telegram", r"\d{8,10}:AA[\w-]{30,40}", ":aa", "123456789:AA" + "a1" * 16),
    ("age", r"AGE-SECRET-KEY-1[A-Z0-9]{50,64}", "age-secret-key", "AGE-SECRET-KEY-1" + "A1" * 28),
    (
        "jwt",
        r"eyJ[\w-]{8,5000}+\.[\w-]{8,20000}+(?:\.[\w-]{4,20000}+)?",
        "eyj",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0",
    ),
)
