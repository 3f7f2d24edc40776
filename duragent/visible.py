"""Text from elsewhere (a model, a file, a command), safe to show: nothing in it is invisible, and nothing drives the
terminal or looks like what duragent itself draws.

The law of this file: what comes out has no control, bidirectional or invisible character, except where such a one is
part of how a script or an emoji is written; and no double line, for those frame duragent's own questions.
"""

import re
import unicodedata

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), the interlinear and line separators, and the
blank braille pattern. https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt
"""

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_FLAGS = re.compile("\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|"
                    "\U000e0077\U000e006c\U000e0073)\U000e007f")  # fmt: skip
"""The flags of England, Scotland and Wales, the only ones with tag characters (Unicode's emoji-sequences.txt)."""

_ZWNJ, _ZWJ, _TEXT_STYLE, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0e", "\ufe0f"
_JOINING = re.compile(
    "[\u0620-\u06ff\u0710-\u074f\u0750-\u07ff\u0840-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17d3\u1820-\u18aa"
    "\ufb50-\ufdff\ufe70-\ufefc]"
)
"""Letters of scripts that are written with joiners: Arabic, Syriac, N'Ko, Mandaic, those of India, Sinhala, Myanmar,
Khmer, Mongolian."""
_EMOJI_PART = re.compile("[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]")
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")

_SINGLE = str.maketrans(
    "═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬",
    "─│┌┌┌┐┐┐└└└┘┘┘├├├┤┤┤┬┬┬┴┴┴┼┼┼",
)

UNFINISHED = re.compile("[\r\u200c\u200d\ufe0e\ufe0f\ud800-\udbff\U000e0020-\U000e007f]+\\Z")
"""The end of a text that still grows: what comes next decides how it is shown."""
CODE = re.compile("<U\\+[0-9A-F]{4,6}>")
"""How a character is shown that cannot be seen."""


def visible(text: str) -> str:
    """The text for a terminal; newlines and tabs stay. What cannot be seen becomes `<U+202E>`, controls U+FFFD."""
    text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if text.isascii() else _shown(text.translate(_SINGLE))


def in_sight(text: str) -> str:
    """The text with every character that cannot be seen as `<U+202E>`, for a text that a person has to decide about."""
    return text if text.isascii() else INVISIBLE.sub(_code, text)


def _shown(text: str) -> str:
    kept = {at for found in _FLAGS.finditer(text) for at in range(*found.span())}
    return INVISIBLE.sub(
        lambda found: found[0] if found.start() in kept or _belongs(text, found) else _code(found), text
    )


def _belongs(text: str, found: re.Match[str]) -> bool:
    """Whether a joiner or a variation selector is part of how its neighbours are written."""
    at, char = found.start(), found[0]
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if char in (_TEXT_STYLE, _EMOJI_STYLE):
        return bool(before) and (unicodedata.category(before)[0] == "S" or before in "0123456789#*\u203c\u2049\u3030")
    if char in (_ZWNJ, _ZWJ) and _JOINING.match(before) and _JOINING.match(after):
        return True
    if char != _ZWJ or not after or not _EMOJI_PART.match(after):
        return False
    if before == _EMOJI_STYLE or _SKIN.match(before):
        before = text[at - 2 : at - 1]
    return bool(before) and _EMOJI_PART.match(before) is not None


def _code(found: re.Match[str]) -> str:
    return f"<U+{ord(found[0]):04X}>"
