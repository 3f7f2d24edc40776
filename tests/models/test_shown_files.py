"""The words for files."""

from duragent.models.messages import AttachedFile
from duragent.models.shown_files import attached, inlined, named, reference

FILE = AttachedFile(name="a b.txt", media_type="text/plain", sha256="0123456789abcdef" * 4, size_bytes=1_234)


def test_each_form_says_name_type_and_size() -> None:
    what = "file a b.txt (text/plain, 1 kB)"
    assert attached(FILE) == f"[{what} is attached]"
    assert inlined(FILE, "one\ntwo\n\n") == f"[{what}:]\none\ntwo\n[end of a b.txt]"
    assert inlined(FILE, " \n") == f"[{what} is empty]"
    assert named(FILE, "which is lost") == f"[{what}, which is lost]"
    assert named(FILE, "too long", can_open=True) == f"[{what}, too long; read_file opens it as {reference(FILE)}]"
    assert reference(FILE) == "attachment:01234567/a b.txt"
