"""Made-up short tickets, by whose embeddings a saved model is recognised, and how embeddings are compared.

They hold capitals, digits, codes, accents and rare words, so that another tokenizer shows; all are shorter
than any token limit, so that another limit alone does not.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ticketkin.core.tables import FloatArray

_TEXTS_A_BATCH = 16

PROBES = (
    "Printer on the third floor prints empty pages",
    "VPN drops every hour since the update, must log in again",
    "Cannot open the shared mailbox of the sales team",
    "Password reset link never arrives",
    "Invoice posting stops with a timeout in the finance system",
    "Laptop stays black after login, only the pointer moves",
    "No network in meeting room 2",
    "Database backup failed last night, disk full",
)
"""Unlike each other; enough to see whether a model works at all."""

FINGERPRINT_PROBES = (
    *PROBES,
    "Outlook asks for the password again and again",
    "OUTLOOK CRASHES WHEN A MEETING IS OPENED",
    "Error 0x80070005 during the Windows update",
    "HTTP 503 from the order portal since 09:15",
    "Badge reader at gate B does not react",
    "Keyboard types the wrong letters",
    "Scanner sends blurred PDF files",
    "Teams call has an echo for all participants",
    "The wiki search returns nothing",
    "Certificate of the intranet server has expired",
    "SAP transaction VA01 ends with a short dump",
    "Excel macro is blocked by policy",
    "New employee needs access to the payroll folder",
    "Please unlock account after too many attempts",
    "Docking station charges but shows no second screen",
    "Mail to external recipients is returned",
    "Wi-Fi is slow in the warehouse",
    "Batch job NIGHT_LOAD did not start",
    "Report shows last month's figures",
    "Phone cannot reach voicemail",
    "Bluetooth headset disconnects every few minutes",
    "File server says: not enough space",
    "Remote desktop freezes on the login page",
    "Label printer cuts labels in the middle",
    "Two-factor code is not accepted",
    "Monitor flickers after docking",
    "Calendar of the team is one hour off",
    "DNS name of the test host is not resolved",
    "Camera image is upside down",
    "Contract template is missing in the archive",
    "Update of the antivirus hangs at 97 %",
    "Web shop shows prices without tax",
    "Ordered goods are booked twice",
    "Cash desk 4 is offline",
    "Umlauts are broken in the export: Müller, Größe",
    "Crème brûlée button does nothing on the café terminal",
    "Server rack is too hot, fan error",
    "Java applet is not allowed any more",
    "Licence for the drawing program has run out",
    "Proxy asks for credentials in every tab",
    "Mobile app logs out after each photo",
    "Mouse pointer jumps across the screen",
    "Backup tape could not be read",
    "User sees the data of another customer",
    "Storage array lost a disk, rebuild running",
    "Load balancer sends all traffic to one node",
    "Queue of the message broker keeps growing",
    "Time recording rejects yesterday's entries",
    "Interface to the carrier stopped: FTP 530",
    "Deleted folder has to be restored",
    "Projector turns itself off",
    "USB stick is not recognised",
    "Form cannot be submitted, button stays grey",
    "Elevator display shows a Linux prompt",
    "Question about the holiday calendar",
    "reset pin",
)
"""The texts behind the embeddings in a model's fingerprint; another list is another version of it."""


def embed_with(model: Any, texts: Sequence[str]) -> FloatArray:
    """Return unit-length embeddings (n_texts, d) float32 by a model in memory."""
    return np.asarray(
        model.encode(
            list(texts), batch_size=_TEXTS_A_BATCH, normalize_embeddings=True, show_progress_bar=False
        ),
        dtype=np.float32,
    )


def largest_difference(one: FloatArray, other: FloatArray) -> float:
    """Return the largest absolute difference over all values; infinite for other shapes or a NaN."""
    if one.shape != other.shape:
        return float("inf")
    difference = float(np.abs(one - other).max())
    return difference if np.isfinite(difference) else float("inf")
