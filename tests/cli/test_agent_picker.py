"""Which agent a chat is with, where there are several."""

from tests.cli.place import Place


def with_two_agents(place: Place) -> Place:
    place.run("init", "--no-interactive")
    place.run("agent", "create", "clerk", "--no-interactive", "--provider", "demo")
    return place


def test_person_picks_one_of_several_agents_and_the_header_says_which_and_where(place: Place) -> None:
    with with_two_agents(place).terminal("chat") as terminal:
        terminal.expect("Which agent")
        # The usual one is first.
        terminal.expect("1  assistant")
        terminal.expect("2  clerk")
        terminal.type("cle\r")
        terminal.expect(r"clerk · .*~\W+demo.*> ")
        terminal.type("/detach\r")
        assert terminal.end() == 0


def test_nothing_begins_when_none_is_picked(place: Place) -> None:
    with with_two_agents(place).terminal("chat") as terminal:
        terminal.expect("Which agent")
        terminal.type("\x1b")
        assert terminal.end() == 0
    assert place.ids() == []


def test_agent_that_is_named_is_not_asked_for_and_neither_is_one_in_a_pipe(place: Place) -> None:
    with with_two_agents(place).terminal("chat", "--agent", "clerk") as terminal:
        terminal.expect("clerk · .*> ")
        terminal.type("/detach\r")
        assert terminal.end() == 0
    piped = place.run("chat", stdin="what is 2+2?\n")
    assert (piped.returncode, piped.stdout) == (0, "2+2 = 4\n")
