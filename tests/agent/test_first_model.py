"""Which model a new agent begins with."""

from duragent.agent.first_model import DEFAULT_MODELS, PROVIDER_KEYS, ProviderChoice, choose_provider


def test_providers_are_chosen_in_order() -> None:
    environ = dict.fromkeys(PROVIDER_KEYS.values(), "k")
    found = []
    for key in PROVIDER_KEYS.values():
        found.append(choose_provider(environ, ["llama"]))
        environ[key] = " "
    found += [choose_provider(environ, ["llama", "qwen"]), choose_provider({}, []), choose_provider({}, None)]

    no_key = "no provider key found and no Ollama on localhost"
    no_model = "no provider key found, and Ollama has no model yet (`ollama pull qwen3`)"
    assert found == [
        ProviderChoice("openrouter", DEFAULT_MODELS["openrouter"], "OPENROUTER_API_KEY is set"),
        ProviderChoice("anthropic", DEFAULT_MODELS["anthropic"], "ANTHROPIC_API_KEY is set"),
        ProviderChoice("openai", DEFAULT_MODELS["openai"], "OPENAI_API_KEY is set"),
        ProviderChoice("gemini", DEFAULT_MODELS["gemini"], "GEMINI_API_KEY is set"),
        ProviderChoice("ollama", "llama", "Ollama is running on this machine"),
        ProviderChoice("demo", "demo", no_model),
        ProviderChoice("demo", "demo", no_key),
    ]
