"""Safeguards of searches in an agent's memory."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_SCORE, _SEARCH, _VECTORS = "duragent.memory.score", "duragent.memory.search", "duragent.memory.vectors"
_RECALL, _WORDS = "duragent.memory.recall", "duragent.memory.words"
_T_SCORE, _T_INDEX, _T_VECTORS = (
    "tests/memory/test_score.py",
    "tests/memory/test_index.py",
    "tests/memory/test_vectors.py",
)
_T_RECALL, _T_WORDS = "tests/memory/test_recall.py", "tests/memory/test_words.py"
_REASONS = f"{_T_SCORE}::test_each_note_that_is_not_shown_has_its_reason"

RECALLING: tuple[Mutant, ...] = (
    without(
        "every note that shares a word is shown",
        "the threshold of what a note has of the question",
        Edit(_SCORE, "    if hit.coverage < rules.threshold and not hit.by_meaning:", "    if False:"),
        _REASONS,
    ),
    without(
        "a model is shown what waits for review",
        "the look at who vouches for a note",
        Edit(_SCORE, '    if hit.note.trust == "unreviewed":', "    if False:"),
        _REASONS,
    ),
    without(
        "a note that was replaced is shown",
        "the look at what other notes took the place of",
        Edit(_SCORE, "    if hit.note.id in superseded:", "    if False:"),
        _REASONS,
        f"{_T_RECALL}::test_note_that_was_replaced_is_not_shown",
    ),
    without(
        "a group is shown what its newest sender said in private",
        "the look at whether a session is a group's",
        Edit(_SEARCH, ' and not (kind == "person" and self.is_of_group)', ""),
        "tests/memory/test_search.py::test_found_is_what_the_session_reads",
    ),
    without(
        "what summaries hide is out of reach",
        "the boundary of the asking session in a search",
        Edit(_RECALL, "PiecesBehind(own, query.boundary)", "PiecesBehind(own)"),
        f"{_T_RECALL}::test_what_the_asking_session_said_changes_nothing",
    ),
    without(
        "a note is shown twice, as it was said and as it was written",
        "the look at what notes were made of",
        Edit(_SCORE, " or _became_a_note(hit.note, words, notes)", ""),
        f"{_T_SCORE}::test_words_of_which_a_note_was_made_are_not_shown_beside_it",
    ),
    without(
        "a question answers itself",
        "the look at what was asked before",
        Edit(_SCORE, "    if query.is_message and", "    if False and"),
        f"{_T_SCORE}::test_question_that_was_asked_before_does_not_answer_a_message",
    ),
    without(
        "a note ends its block",
        "the closing words that are taken out of notes",
        Edit(_SCORE, 'return _MARKS.sub("(", line.replace("</", "<\\\\/"))', "return line"),
        f"{_T_SCORE}::test_text_of_a_note_ends_no_block_and_closes_no_tag",
    ),
    without(
        "what was shown often weighs more",
        "being recalled changes nothing of a note",
        Edit(
            _RECALL,
            "        hits = [replace(hit, note=self.vouched(hit.note)) for hit in found.hits]\n",
            '        seen = globals().setdefault("seen", [])\n'
            "        seen += [hit.note.id for hit in found.hits]\n"
            "        hits = [replace(hit, note=self.vouched(hit.note)) for hit in found.hits]\n"
            "        hits = [\n"
            "            replace(hit, note=replace(hit.note, importance_milli=hit.note.importance_milli + 50 * n))\n"
            "            for hit in hits\n"
            "            for n in [seen.count(hit.note.id)]\n"
            "        ]\n",
        ),
        f"{_T_RECALL}::test_being_recalled_changes_nothing_of_a_note",
    ),
    without(
        "what a session asks decides what it finds",
        "the asking session's place, which a search leaves out",
        Edit(_RECALL, 'own = place_of(query.session_id) if query.session_id else ""', 'own = ""'),
        f"{_T_RECALL}::test_what_the_asking_session_said_changes_nothing",
    ),
    Mutant(
        "a question is syntax",
        "the quotes around each word of a question",
        (Edit(_WORDS, """    return '"' + token.replace("\\0", " ").replace('"', '""') + '"'""", "    return token"),),
        (f"{_T_WORDS}::test_no_question_is_a_fault_of_syntax",),
        frozenset({"OperationalError"}),
    ),
    Mutant(
        "vectors of an earlier model are compared",
        "the label of vectors in a search",
        (
            Edit(
                _VECTORS,
                '    query = "SELECT chunk.id, bits FROM chunk JOIN vector ON label = ? AND vector.sha = chunk.sha"',
                """    query = "SELECT chunk.id, bits FROM chunk JOIN vector ON ? != '' AND vector.sha = chunk.sha\"""",
            ),
            Edit(
                _VECTORS,
                '        "SELECT chunk.id, bytes FROM chunk JOIN vector ON label = ? AND vector.sha = chunk.sha"',
                """        "SELECT chunk.id, bytes FROM chunk JOIN vector ON ? != '' AND vector.sha = chunk.sha\"""",
            ),
        ),
        (f"{_T_VECTORS}::test_meaning_finds_what_has_no_word_of_the_question",),
    ),
    without(
        "vectors of two lengths stand side by side",
        "the look at the length of vectors that are kept",
        Edit(_VECTORS, "        drop_other_lengths(db, label, length)\n", "        pass\n"),
        f"{_T_VECTORS}::test_vectors_of_a_label_have_one_length",
    ),
)
