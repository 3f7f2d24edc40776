"""Programs that write or run something only by one of their options or by a small language of their own."""

import re
from collections.abc import Callable

from duragent.policy.shell.inside import NOTHING, Inside, Reason, Words
from duragent.policy.shell.words import Word, literal


def risky(letters: str, *long_options: str, ends: bool = True) -> Callable[[Words], Inside]:
    """Options that write or run something; long ones also when they are abbreviated. `ends`: a `--` ends them."""

    def look(words: Words) -> Inside:
        reasons: list[Reason] = []
        for at, word in enumerate(words[1:], 1):
            if ends and _ends_options(words, at):
                break
            if word.text == "--" and word.literal:
                continue
            name = word.text.partition("=")[0]
            if word.may_be_option:
                reasons.append(Reason(word.source, f"{word.source} may become an option"))
            elif name.startswith("--"):
                if any(option.startswith(name) or name.startswith(option) for option in long_options):
                    reasons.append(Reason(word.text, f"its option {name} may write or run something"))
            elif name.startswith("-") and (set(name[1:]) & set(letters) or name in long_options):
                reasons.append(Reason(word.text, f"its option {name} may write or run something"))
        return Inside(reasons=tuple(reasons))

    return look


def _ends_options(words: Words, at: int) -> bool:
    # A `--` may be the value of an option in front of it; then what looks like an option behind it is one.
    if words[at].text != "--" or not words[at].literal:
        return False
    return not any(word.text.startswith("-") or word.may_be_option for word in words[1:at])


# No brackets, backslashes or line ends: in them a delimiter may mean something else to sed than to us. The quantifiers
# are possessive, so that a long script that does not fit is refused in linear time.
_SED_ADDRESS = r"(?:\d++|\$|/[^/\\\[\n]*+/)"
_SED_COMMAND = (
    rf"[^\S\n]*+(?:{_SED_ADDRESS}(?:,{_SED_ADDRESS})?+)?+[^\S\n]*+"
    r"(?:[pdqlDGHNPghnx=]|s([/|,])(?:(?!\1)[^\\\[\n])*+\1(?:(?!\1)[^\\\[\n])*+\1[gpI0-9]*+)?+[^\S\n]*+"
)
_SED_SCRIPT = re.compile(rf"(?:{_SED_COMMAND}(?:[;\n]|\Z))*+")
_SED_FLAGS = re.compile(r"-[nErsuz]+|--(?:quiet|silent|regexp-extended)")


def sed(words: Words) -> Inside:
    scripts: list[Word] = []
    reasons: list[Reason] = []
    operands: list[Word] = []
    at = 1
    while at < len(words):
        word, at = words[at], at + 1
        if word.text == "-e" and at < len(words):
            scripts.append(words[at])
            at += 1
        elif word.may_be_option or (word.text.startswith("-") and not _SED_FLAGS.fullmatch(word.text)):
            reasons.append(Reason(word.text, f"its option {word.text} may write or run something"))
        elif not word.text.startswith("-"):
            operands.append(word)
    scripts += [] if scripts else operands[:1]
    for script in scripts:
        if not script.literal or not _SED_SCRIPT.fullmatch(script.text):
            reasons.append(Reason(script.text, "its script may write or run something"))
    return Inside(reasons=tuple(reasons))


def awk(words: Words) -> Inside:
    plain = re.compile(r"[^|>@]*")
    for word in words[1:]:
        does_more = not word.literal or not plain.fullmatch(word.text) or re.search("system|getline", word.text)
        if does_more or re.match(r"-(?:f|i|l|E|-)", word.text):
            return Inside(reasons=(Reason(word.text, "its program may write or run something"),))
    return NOTHING


def uniq(words: Words) -> Inside:
    end = next((at for at, word in enumerate(words) if word.text == "--"), len(words))
    named = [word for word in words[1:end] if not word.text.startswith("-") or word.text == "-"]
    operands = (*named, *words[end + 1 :])
    open_words = any(word.may_be_option or word.glob for word in words[1:])
    if len(operands) > 1 or open_words:
        return Inside(reasons=(Reason("", "its second file is written"),))
    return NOTHING


def tee(words: Words) -> Inside:
    end = next((at for at, word in enumerate(words) if word.text == "--"), len(words))
    named = tuple(word for word in words[1:end] if not word.text.startswith("-"))
    return Inside(writes=(*named, *words[end + 1 :]), transparent=True)


def date(words: Words) -> Inside:
    reasons = tuple(Reason(word.text, "sets the clock") for word in words[1:] if re.fullmatch(r"[\d.]{8,}", word.text))
    return Inside(reasons=(*reasons, *risky("s", "--set")(words).reasons))


def dd(words: Words) -> Inside:
    targets = tuple(literal(word.text[3:]) for word in words[1:] if word.text.startswith("of="))
    return Inside(writes=targets)
