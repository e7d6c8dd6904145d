# ruff: noqa: RUF001 - letters of other alphabets are what this file is about
"""Encodings: what is recognised, from one short line and from more, in sentences of service desks."""

from pathlib import Path

import pytest

from ticketkin.core.errors import ConfigurationError
from ticketkin.tickets.reading import RawTable, read_table
from ticketkin.tickets.reading.encodings import decode_file

SENTENCES = {
    "German": (
        "Netzlaufwerk ist für die Buchhaltung gesperrt",
        "Rechner fährt nach dem Update nicht mehr hoch",
        "Bitte Zugang für neue Kollegin einrichten, Schlüsselübergabe am Montag",
        "Größe des Postfachs überschritten",
    ),
    "French": (
        "Le téléphone de l'accueil ne sonne plus",
        "Problème d'accès au réseau sans fil",
        "Le certificat a expiré, impossible de se connecter à l'intranet",
        "Créer un compte pour le nouvel employé",
    ),
    "Spanish": (
        "El teclado no responde después de la actualización",
        "Solicitud de instalación de la aplicación de diseño",
        "No puedo iniciar sesión en el portal",
        "La señal de la red se pierde cada mañana",
    ),
    "Polish": (
        "Nie mogę zalogować się do systemu płac",
        "Skaner przestał działać po aktualizacji, pojawia się błąd",
        "Proszę o założenie konta dla nowego pracownika",
        "Zgubiłem kartę dostępu, potrzebuję nowej już dziś",
    ),
    "Czech": (
        "Nelze se přihlásit k účtu, heslo vypršelo",
        "Žádost o zřízení přístupu pro nového kolegu",
        "Síť v zasedací místnosti často vypadává",
        "Účetní program hlásí chybu při tisku faktur",
    ),
    "Russian": (
        "Не удаётся подключиться к удалённому рабочему столу",
        "Прошу установить программу для чтения документов",
        "Закончился картридж в бухгалтерии",
        "Телефон на ресепшене не звонит",
    ),
    "Greek": (
        "Δεν μπορώ να συνδεθώ στο δίκτυο του γραφείου",
        "Παρακαλώ εγκαταστήστε το πρόγραμμα",
        "Το τηλέφωνο δεν χτυπάει",
        "Έληξε το πιστοποιητικό της σελίδας",
    ),
    "Turkish": (
        "Ağ sürücüsüne bağlanamıyorum",
        "Yeni çalışan için hesap açılmasını rica ederim",
        "Şifremin süresi doldu, giriş yapamıyorum",
        "Güncellemeden sonra uygulama çöküyor",
    ),
    "Japanese": (
        "ネットワークに接続できません",
        "新入社員のアカウントを作成してください",
        "会議室の電話が鳴りません",
        "更新後にアプリが終了します",
    ),
    "Chinese": (
        "无法连接公司网络，请尽快处理",
        "新员工需要开通邮箱账号",
        "会议室的投影仪没有信号",
        "更新之后程序一直报错",
    ),
    "Korean": (
        "회사 네트워크에 연결할 수 없습니다",
        "신입 사원 계정을 만들어 주세요",
        "회의실 전화가 울리지 않습니다",
        "업데이트 후 프로그램이 종료됩니다",
    ),
}
ENCODINGS = [
    ("German", "cp1252"), ("German", "mac_roman"), ("German", "cp850"), ("German", "cp437"),
    ("French", "cp1252"), ("French", "mac_roman"), ("French", "cp850"),
    ("Spanish", "cp1252"), ("Spanish", "mac_roman"), ("Spanish", "cp850"), ("Spanish", "cp437"),
    ("Polish", "cp1250"), ("Polish", "iso8859_2"), ("Polish", "cp852"),
    ("Czech", "cp1250"), ("Czech", "iso8859_2"), ("Czech", "cp852"),
    ("Russian", "cp1251"), ("Russian", "koi8_r"), ("Russian", "cp866"),
    ("Greek", "cp1253"), ("Turkish", "cp1254"),
    ("Japanese", "cp932"), ("Japanese", "euc_jp"), ("Japanese", "iso2022_jp"),
    ("Chinese", "gb18030"), ("Chinese", "big5"), ("Korean", "cp949"),
]  # fmt: skip
# Chinese sentences above are in simplified characters, which Big5 does not have.
TRADITIONAL = (
    "無法連接公司網路，請儘快處理",
    "新員工需要開通電子郵件帳號",
    "會議室的投影機沒有訊號",
    "更新之後程式一直出錯",
)


def _sentences(language: str, encoding: str) -> tuple[str, ...]:
    return TRADITIONAL if encoding == "big5" else SENTENCES[language]


def _export(sentences: tuple[str, ...]) -> str:
    rows = "".join(f"INC{n:04},{sentence.replace(',', ';')}\n" for n, sentence in enumerate(sentences))
    return "number,short_description\n" + rows


def _read(folder: Path, content: bytes) -> RawTable:
    path = folder / "a.csv"
    path.write_bytes(content)
    return read_table(path)


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_four_lines_are_enough(tmp_path: Path, language: str, encoding: str) -> None:
    sentences = _sentences(language, encoding)
    table = _read(tmp_path, _export(sentences).encode(encoding))
    assert table.frame["short_description"].to_list() == [text.replace(",", ";") for text in sentences]
    assert any("read as" in note for note in table.notes)


def test_one_line_is_nearly_always_enough(tmp_path: Path) -> None:
    wrong = []
    for language, encoding in ENCODINGS:
        for sentence in _sentences(language, encoding):
            table = _read(tmp_path, _export((sentence,)).encode(encoding))
            if table.frame["short_description"][0] != sentence.replace(",", ";"):
                wrong.append((language, encoding, table.frame["short_description"][0]))
    assert len(wrong) <= 2, wrong


def test_a_guess_says_how_sure_it_is(tmp_path: Path) -> None:
    note = _read(tmp_path, _export(SENTENCES["Russian"]).encode("cp1251")).notes[0]
    assert "not UTF-8, surely Windows-1251 (Cyrillic), read as that" in note
    assert "set tickets.encoding" in note
    note = _read(tmp_path, "number,title\nINC1,Caf\xe9\n".encode("cp1252")).notes[0]
    assert "Windows-1252" in note
    assert "surely" not in note


def test_the_encoding_can_be_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("number,title\nINC1,š\n".encode("cp1250"))
    assert read_table(path, "cp1250").frame["title"][0] == "š"
    with pytest.raises(ConfigurationError, match="encoding 'windows' is not known"):
        read_table(path, "windows")
    with pytest.raises(ConfigurationError, match="encoding 'zlib' is not known"):
        read_table(path, "zlib")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("language", ["German", "Russian", "Chinese"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_encodings_with_and_without_mark(
    tmp_path: Path, encoding: str, language: str, mark: str
) -> None:
    sentences = SENTENCES[language]
    table = _read(tmp_path, (mark + _export(sentences)).encode(encoding))
    assert table.frame["short_description"].to_list() == [text.replace(",", ";") for text in sentences]
    assert table.repairs == {}
    assert any("UTF-" in note for note in table.notes)


def test_wide_text_cut_inside_a_character(tmp_path: Path) -> None:
    content = "\ufeffnumber,title\nINC1,a\nINC2,b\n".encode("utf-16-le")
    table = _read(tmp_path, content[:-1])
    assert table.frame["number"].to_list() == ["INC1", "INC2"]
    assert table.repairs == {"undecodable_bytes": 1}


def test_half_a_character_in_wide_text(tmp_path: Path) -> None:
    table = _read(tmp_path, "\ufeffnumber,title\nINC1,a\ud83db\n".encode("utf-16-le", "surrogatepass"))
    assert table.frame["title"][0] == "a\ufffdb"
    assert table.repairs == {"undecodable_bytes": 1}


def test_a_damaged_byte_does_not_make_utf8_another_encoding(tmp_path: Path) -> None:
    content = _export(SENTENCES["Russian"] * 5).encode() + b"INC9,Caf\xe9\n"
    table = _read(tmp_path, content)
    assert table.frame["short_description"][0] == SENTENCES["Russian"][0]
    assert table.frame["short_description"][-1] == "Café"
    assert table.repairs == {"undecodable_bytes": 1}


def test_nul_bytes_alone_are_no_wide_text(tmp_path: Path) -> None:
    table = _read(tmp_path, b"number,title\nINC1,a\x00\x00\x00b\nINC2,c\x00\n")
    assert table.frame["title"].to_list() == ["ab", "c"]
    assert table.repairs == {"nul_bytes": 4}


@pytest.mark.parametrize(
    "content", [bytes(range(256)) * 4, b"\xff\xfe", b"\x00" * 9, b"\xef\xbb\xbf", b"\x80"]
)
def test_any_bytes_decode(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert decode_file(path).text.encode("utf-8") == decode_file(path).utf8
