"""The tables by which `shell` reads: which tokens and nodes of tree-sitter-bash are known, and what is plain."""

import re

GAP = re.compile(rb"(?:[ \t\n]|\\\n)*")
BLANKS = re.compile(rb"(?:[ \t]|\\\n)*")
BOUNDARY = frozenset(b" \t\n|&;()<>`")
_KEYWORDS = frozenset("if then elif else fi for select in while until do done function { } !".split())
TOKENS = _KEYWORDS | {*"; & && || | |& ( ) $( ` <( >(".split(), "\n"}
"""What may stand between statements, as the parser names it."""
RESERVED = _KEYWORDS | {"case", "esac", "[[", "]]"}
"""What bash reads as grammar where a command's name may stand."""
STATEMENTS = frozenset({"program", "list", "pipeline", "subshell", "compound_statement", "negated_command", "do_group"})
STATEMENTS |= {"if_statement", "elif_clause", "else_clause", "while_statement"}
WORDS = frozenset({"word", "string", "raw_string", "ansi_c_string", "translated_string", "concatenation", "number"})
WORDS |= {"simple_expansion", "expansion", "command_substitution", "process_substitution", "arithmetic_expansion"}
WORDS |= {"brace_expression", "variable_name", "special_variable_name"}
SPANS = frozenset({"command_substitution", "process_substitution", "expansion", "arithmetic_expansion"})
PLAIN_EXPANSION = re.compile(r"\$\{#?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])\}")
PLAIN_ARITHMETIC = re.compile(r"\$?[(\[]+[0-9 +*/%<>=!&|^?:~()-]*[)\]]+")
_LITERAL = r"""(?:[\w./:%+,@-]+|"[\w ./:-]*"|'[\w ./:-]*')"""
_QUOTED = rf"""(?:{_LITERAL}|"\$\w+")"""
PLAIN_TEST = re.compile(
    rf"""\[\[(?: +(?:{_LITERAL}|[=!]=?|"?\$\w+"?))* +\]\]"""
    # `[` takes its operators from the values, too: they must stand where no value can be one.
    rf"""|\[ +(?:! +)?(?:-[abcdefghknpsuwxzGLNOS] +{_QUOTED}|{_QUOTED} +(?:=|==|!=) +{_QUOTED}) +\]"""
)
COUNTING = re.compile(r"\s-(?:v|R|o|eq|ne|lt|le|gt|ge)\s")
CONSTRUCTS = {
    "case_statement": "branches by patterns",
    "c_style_for_statement": "does arithmetic, which may run commands",
    "function_definition": "defines a function",
    "declaration_command": "declares variables",
    "unset_command": "removes variables or functions",
}
