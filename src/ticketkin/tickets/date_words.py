"""The words of dates in English, German, French and Spanish, without accents."""

_MONTHS = (
    "jan january januar jaenner janner janv janvier ene enero",
    "feb february februar fev fevr fevrier febrero",
    "mar march maerz marz mrz mars marzo",
    "apr april avr avril abr abril",
    "may mai mayo",
    "jun june juni juin junio",
    "jul july juli juil juillet julio",
    "aug august aou aout ago agosto",
    "sep sept september septembre set septiembre setiembre",
    "oct october okt oktober octobre octubre",
    "nov november novembre noviembre",
    "dec december dez dezember decembre dic diciembre",
)
MONTH_NUMBERS = {name: str(number) for number, names in enumerate(_MONTHS, 1) for name in names.split()}
WEEKDAYS = (
    "mon", "monday", "tue", "tues", "tuesday", "wed", "wednesday", "thu", "thur", "thurs", "thursday",
    "fri", "friday", "sat", "saturday", "sun", "sunday", "mo", "montag", "di", "dienstag", "mi", "mittwoch",
    "do", "donnerstag", "fr", "freitag", "sa", "samstag", "sonnabend", "so", "sonntag", "lun", "lundi",
    "mar", "mardi", "mer", "mercredi", "jeu", "jeudi", "ven", "vendredi", "sam", "samedi", "dim",
    "dimanche", "lunes", "martes", "mie", "miercoles", "jue", "jueves", "vie", "viernes", "sab", "sabado",
    "dom", "domingo",
)  # fmt: skip
# Minutes east of UTC. RFC 2822 fixes the American names; those of central Europe have one meaning each.
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420,
    "mdt": -360, "pst": -480, "pdt": -420, "cet": 60, "cest": 120, "mez": 60, "mesz": 120,
}  # fmt: skip
_DAY_PARTS = {"am", "pm", "uhr", "de", "at", "um", "a", "las", "t"}
WORDS = {*MONTH_NUMBERS, *WEEKDAYS, *ZONES, *_DAY_PARTS}
"""Every word that may stand in a time."""
