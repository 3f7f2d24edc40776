"""Safeguards of Ollama's dialect, and of what is known of models without litellm."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_DIALECT = "duragent.models.direct.ollama_chat"
_T_DIALECT = "tests/models/direct/test_ollama_chat.py"

OLLAMA: tuple[Mutant, ...] = (
    without(
        "Ollama cuts long questions without a word",
        "each request asks for the window for which the conversation was fitted",
        Edit("duragent.context.build", "around.window_tokens if _is_told_window(agent) else None", "None"),
        "tests/context/test_build.py::test_a_provider_that_must_be_told_the_window_is_told_the_one_that_was_fitted_to",
    ),
    without(
        "a small window that is loaded is kept",
        "what is loaded counts only where it is enough",
        Edit(
            "duragent.models.local_servers", "return max(self.loaded or 0, enough or 0) or None", "return self.running"
        ),
        "tests/models/test_local_servers.py::test_the_window_to_ask_for_is_the_loaded_one_where_that_is_enough",
    ),
    without(
        "thoughts of another model go to Ollama",
        "the look at the model and the adapter of what is given back",
        Edit(_DIALECT, "kept.adapter != NAME or kept.model != choice.label or ", ""),
        f"{_T_DIALECT}::test_thoughts_before_calls_go_back_to_the_same_model_only",
    ),
    without(
        "two calls of one answer of Ollama have one id",
        "ids that are taken are not given again",
        Edit(_DIALECT, "if not call_id or call_id in taken:", "if not call_id:"),
        f"{_T_DIALECT}::test_calls_get_ids_where_ollama_gives_none_and_keep_their_order",
    ),
    without(
        "tools and a form at once leave a model of Ollama without hands",
        "a schema that would hold for calls, too, is refused",
        Edit(_DIALECT, "if request.response_schema is not None:", "if False:"),
        f"{_T_DIALECT}::test_what_ollama_cannot_do_is_refused",
    ),
    without(
        "names inside of an entry count as models",
        "the look at how far to the right a name stands in litellm's file",
        Edit("duragent.models.facts", "if len(line) - len(line.lstrip()) <= len(layout[1]):", "if True:"),
        "tests/models/test_facts.py::test_every_layout_of_the_table_says_the_same",
    ),
    without(
        "warming a direct model loads litellm",
        "only what is asked through litellm loads it",
        Edit(
            "duragent.models.choose", "if dialect_name(choice) is None:\n            from", "if True:\n            from"
        ),
        "tests/models/test_choose.py::test_warming_loads_only_what_a_question_would_need_and_returns_when_it_is_there",
    ),
)
