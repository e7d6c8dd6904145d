"""Texts in every encoding that desks export, with and without a mark."""

import codecs
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hostile_case import Case, Check, Outcome, importing, summary_of, tickets_in
from hostile_worker import Ended

encodings = partial(importing, "encodings")

_GERMAN = (
    (
        "Drucker läuft nicht",
        "Der Drucker im zweiten Stock läuft seit heute früh nicht mehr und meldet eine Störung.",
    ),
    (
        "Passwort zurücksetzen",
        "Ich möchte mein Passwort zurücksetzen, weil ich es über Ostern vergessen habe.",
    ),
    (
        "Netzlaufwerk fehlt",
        "Das Netzlaufwerk für die Buchhaltung ist für mich nicht verfügbar, bitte prüfen.",
    ),
    ("Störung beim Öffnen", "Beim Öffnen größerer Anhänge hängt sich das Programm auf und schließt sich."),
)
_FRENCH = (
    ("Imprimante bloquée", "L'imprimante du deuxième étage est bloquée depuis hier, le papier reste coincé."),
    ("Accès refusé", "L'accès à la boîte aux lettres partagée m'est refusé après la mise à jour du système."),
    (
        "Écran noir au démarrage",
        "L'écran reste noir au démarrage, même après avoir redémarré à plusieurs reprises.",
    ),
)
_POLISH = (
    ("Drukarka nie działa", "Drukarka na drugim piętrze nie działa od rana i wyświetla komunikat o błędzie."),
    (
        "Brak dostępu do poczty",
        "Po zmianie hasła nie mogę się zalogować do poczty służbowej, proszę o pomoc.",
    ),
    ("Wolny komputer", "Komputer uruchamia się bardzo wolno, a programy często się zawieszają."),
)
_RUSSIAN = (
    (
        "Принтер не печатает",
        "Принтер на втором этаже не печатает уже второй день, показывая только сообщение.",
    ),
    (
        "Нет доступа к почте",
        "После смены пароля я не могу войти в почту, прошу восстановить доступ как можно скорее.",
    ),
    ("Компьютер медленно работает", "Компьютер очень долго загружается, и программы постоянно зависают."),
)
_JAPANESE = (
    ("プリンターが動きません", "二階のプリンターが今朝から動かず、エラーメッセージが表示されています。"),
    (
        "メールにログインできない",
        "パスワードを変更した後、メールにログインできなくなりました。確認をお願いします。",
    ),
    ("パソコンの動作が遅い", "起動にとても時間がかかり、アプリケーションが頻繁に停止します。"),
)
_CHINESE = (
    ("打印机无法工作", "二楼的打印机从今天早上开始无法工作。屏幕上显示错误信息。请尽快处理。"),
    ("无法登录邮箱", "更改密码之后无法登录公司邮箱。请帮忙恢复访问权限。"),
    ("电脑运行缓慢", "电脑启动需要很长时间。应用程序经常停止响应。"),
)
_KOREAN = (
    (
        "프린터가 작동하지 않습니다",
        "이층에 있는 프린터가 오늘 아침부터 작동하지 않고 오류 메시지가 표시됩니다.",
    ),
    (
        "메일에 로그인할 수 없습니다",
        "비밀번호를 변경한 후 회사 메일에 로그인할 수 없습니다. 확인 부탁드립니다.",
    ),
    ("컴퓨터가 느립니다", "컴퓨터를 켜는 데 시간이 오래 걸리고 프로그램이 자주 멈춥니다."),
)
_N_ROWS = 40


def _csv_of(texts: Sequence[tuple[str, str]]) -> str:
    lines = [f'INC{n:03},{texts[n % len(texts)][0]},"{texts[n % len(texts)][1]}"' for n in range(_N_ROWS)]
    return "number,short_description,description\n" + "\n".join(lines) + "\n"


def _reads(texts: Sequence[tuple[str, str]], mark: bool) -> Check:
    def check(here: Path, ended: Ended) -> None:
        frame = tickets_in(here)
        expected = [texts[n % len(texts)] for n in range(_N_ROWS)]
        got = frame.select("title", "description").rows()
        wrong = [(a, b) for a, b in zip(got, expected, strict=True) if a != b]
        assert not wrong, (
            f"{len(wrong)} of {_N_ROWS} texts are wrong; {wrong[0][0]} is meant to be {wrong[0][1]}"
        )
        if not mark:
            notes = " ".join(summary_of(ended)["notes"])
            assert "a.csv" in notes, f"nothing is told about the encoding that was guessed: {notes!r}"

    return check


def _whole(name: str, texts: Sequence[tuple[str, str]], encoding: str, mark: bytes | None = None) -> Case:
    content = (mark or b"") + _csv_of(texts).encode(encoding)
    return encodings(
        name,
        content,
        Outcome(rows=_N_ROWS, tickets=_N_ROWS),
        _reads(texts, mark is not None or encoding == "utf-8"),
    )


_GUESSED = (
    ("German in Windows-1252", _GERMAN, "cp1252"),
    ("German in the code page of DOS, 437", _GERMAN, "cp437"),
    ("German in the code page of DOS, 850", _GERMAN, "cp850"),
    ("German in Mac OS Roman", _GERMAN, "mac-roman"),
    ("French in Windows-1252", _FRENCH, "cp1252"),
    ("French in Mac OS Roman", _FRENCH, "mac-roman"),
    ("French in the code page of DOS, 850", _FRENCH, "cp850"),
    ("Polish in Windows-1250", _POLISH, "cp1250"),
    ("Russian in Windows-1251", _RUSSIAN, "cp1251"),
    ("Russian in KOI8-R", _RUSSIAN, "koi8-r"),
    ("Russian in the code page of DOS, 866", _RUSSIAN, "cp866"),
    ("Japanese in Shift-JIS", _JAPANESE, "shift_jis"),
    ("Japanese in EUC-JP", _JAPANESE, "euc_jp"),
    ("Chinese in GB18030", _CHINESE, "gb18030"),
    ("Korean in EUC-KR", _KOREAN, "euc_kr"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
_ENGLISH_WIDE = "number,short_description,description\nINC1,Mail is down,It has been down since nine\n" * 1


def _spoiled(name: str, content: bytes, end: Outcome, title: str | None = None) -> Case:
    def check(here: Path, _: Ended) -> None:
        titles = tickets_in(here)["title"].to_list()
        assert title in titles, f"no title is {title!r}; they are {titles[:5]}"

    return encodings(name, content, end, None if title is None else check)


_UTF8 = _csv_of(_GERMAN).encode()
_ROWS = _UTF8.splitlines(keepends=True)
_ALL = Outcome(rows=_N_ROWS, tickets=_N_ROWS)
_FIRST = _GERMAN[0][0]

CASES = [
    _whole("German in UTF-8", _GERMAN, "utf-8"),
    _whole("German in UTF-8 with a mark", _GERMAN, "utf-8", codecs.BOM_UTF8),
    *(_whole(f"German in {encoding} with a mark", _GERMAN, encoding, _MARKS[encoding]) for encoding in _WIDE),
    *(_whole(f"German in {encoding} without a mark", _GERMAN, encoding) for encoding in _WIDE),
    _whole("Chinese in utf-16-le without a mark", _CHINESE, "utf-16-le"),
    _whole("Russian in utf-16-be without a mark", _RUSSIAN, "utf-16-be"),
    *(_whole(name, texts, encoding) for name, texts, encoding in _GUESSED),
    _spoiled("one row of English in utf-16-le without a mark", _ENGLISH_WIDE.encode("utf-16-le"), Outcome(rows=1, tickets=1), "Mail is down"),
    _spoiled("UTF-16 of odd length with a mark", codecs.BOM_UTF16_LE + _csv_of(_GERMAN).encode("utf-16-le") + b"\n", Outcome(tickets=_N_ROWS), _FIRST),
    _spoiled("UTF-16 cut in the middle of a letter", codecs.BOM_UTF16_LE + _csv_of(_GERMAN).encode("utf-16-le")[:-5], Outcome(tickets=range(_N_ROWS - 1, _N_ROWS + 1)), _FIRST),
    _spoiled("UTF-16 of odd length without a mark", _csv_of(_GERMAN).encode("utf-16-le")[:-1], Outcome(tickets=range(_N_ROWS - 1, _N_ROWS + 1)), _FIRST),
    _spoiled("UTF-16 with half a pair", codecs.BOM_UTF16_LE + (_csv_of(_GERMAN) + "INC999,half \ud83d,x\n").encode("utf-16-le", "surrogatepass"), Outcome(rows=_N_ROWS + 1, tickets=_N_ROWS + 1), _FIRST),
    _spoiled("UTF-32 with a letter beyond Unicode", codecs.BOM_UTF32_LE + _csv_of(_GERMAN).encode("utf-32-le") + b"\x00\x00\x7f\x7f", Outcome((0, 2))),
    _spoiled("half a pair in UTF-8", _UTF8 + b"INC999,half \xed\xa0\xbd here,x\n", Outcome(rows=_N_ROWS + 1, tickets=_N_ROWS + 1), _FIRST),
    _spoiled("one row of Windows-1252 in a file of UTF-8", _UTF8 + "INC999,Drücker,über\n".encode("cp1252"), Outcome(rows=_N_ROWS + 1, tickets=_N_ROWS + 1), _FIRST),
    _spoiled("one row of UTF-8 in a file of Windows-1252", _csv_of(_GERMAN).encode("cp1252") + "INC999,Drücker,über\n".encode(), Outcome(rows=_N_ROWS + 1, tickets=_N_ROWS + 1), _FIRST),
    _spoiled("UTF-8 cut in the middle of a letter", b"".join(_ROWS) + "INC999,x,ü".encode()[:-1], Outcome(rows=_N_ROWS + 1, tickets=_N_ROWS + 1), _FIRST),
    _spoiled("overlong UTF-8", _UTF8 + b"INC999,over \xc0\xaf long,x\n", Outcome(rows=_N_ROWS + 1, tickets=_N_ROWS + 1), _FIRST),
    _spoiled("a mark in the middle, as two files joined leave it", b"".join(_ROWS[:20]) + codecs.BOM_UTF8 + b"".join(_ROWS[20:]), _ALL, _FIRST),
    _spoiled("UTF-8 read twice as Windows-1252", _csv_of(_GERMAN).encode().decode("cp1252").encode(), _ALL, _FIRST),
    _spoiled("EBCDIC", _csv_of(_GERMAN).encode("cp500"), Outcome((0, 2))),
    _spoiled("a mark of UTF-16 alone", codecs.BOM_UTF16_LE, Outcome(2)),
    _spoiled("a mark of UTF-16 and one byte", codecs.BOM_UTF16_LE + b"n", Outcome(2)),
    _spoiled("a mark of UTF-32 alone", codecs.BOM_UTF32_LE, Outcome(2)),
    encodings(
        "JSON in UTF-16 without a mark",
        '[{"number": "INC1", "short_description": "Drucker läuft nicht"}]'.encode("utf-16-le"),
        Outcome(rows=1, tickets=1),
        file="a.json",
    ),
    encodings(
        "JSON Lines in UTF-16 with a mark",
        '{"number": "INC1", "short_description": "Drucker läuft nicht"}\n{"number": "INC2", "short_description": "x y"}\n'.encode("utf-16"),
        Outcome(rows=2, tickets=2),
        file="a.jsonl",
    ),
    encodings(
        "JSON in Windows-1252",
        '[{"number": "INC1", "short_description": "Drucker läuft nicht für mich"}]'.encode("cp1252"),
        Outcome(rows=1, tickets=1),
        file="a.json",
    ),
]  # fmt: skip
