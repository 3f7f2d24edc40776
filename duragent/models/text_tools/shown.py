"""The text of an answer on its way to the eye, without the blank space that calls leave behind. Pure."""


class VisibleText:
    """Text on its way to the eye. Blank space waits for what comes: none is shown around a call or after the last."""

    def __init__(self) -> None:
        self._ready: list[str] = []
        self._space: list[str] = []
        self._before_call: str | None = None
        self._any = False

    def add(self, text: str) -> None:
        words = text.strip()
        if not words:
            self._space.append(text)
            return
        start = text.index(words[0])
        self._space.append(text[:start])
        self._ready.append(self._space_before_words())
        self._ready.append(words)
        self._space = [text[start + len(words) :]]
        self._any = True

    def cut(self) -> None:
        """A call stood here."""
        space = "".join(self._space)
        if self._before_call is None:
            self._before_call = space[: space.rfind("\n") + 1] if self._any else ""
        self._space = []

    def end(self, *, called: bool) -> None:
        if not called:
            self._ready += self._space
        self._space = []

    def take(self) -> str:
        text = "".join(self._ready)
        self._ready = []
        return text

    def _space_before_words(self) -> str:
        space = "".join(self._space)
        if self._before_call is not None:
            space = self._before_call + space[space.rfind("\n") + 1 :]
            self._before_call = None
        return space
