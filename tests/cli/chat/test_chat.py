"""`duragent chat` where there is no terminal."""

from tests.cli.place import Place


def test_chat_in_a_pipe_answers_each_line(place: Place) -> None:
    ran = place.run("chat", stdin="1+1\n\n2+2\n")
    assert (ran.returncode, ran.stdout) == (0, "1+1 = 2\n2+2 = 4\n")
