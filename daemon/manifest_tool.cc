#include "daemon/manifest_tool.hh"

#include <algorithm>

#include "daemon/manifest_words.hh"

static void read_command(const toml_document &doc, const toml::table &tool,
                         struct component_spec *spec)
{
    const toml::node *node = tool.get("command");
    std::vector<std::string> words;

    if (!node)
        return;
    if (node->is_array()) {
        toml_strings(doc, tool, "command", &words);
    } else {
        std::string text = toml_string_at(doc, *node, "command", "a string or an array of strings");
        std::string wrong = manifest_words(text, &words);
        if (!wrong.empty())
            toml_fail(doc, node->source(), "'command': " + wrong);
    }
    if (words.empty() || words[0].empty())
        toml_fail(doc, node->source(), "'command' names no program");
    spec->command = toml_cstrs(words);
}

static void read_restart(const toml_document &doc, const toml::table &tool,
                         struct component_spec *spec)
{
    std::string word;

    if (!toml_string(doc, tool, "restart", &word))
        return;
    if (word == "no")
        spec->restart = RESTART_NO;
    else if (word == "on-failure")
        spec->restart = RESTART_ON_FAILURE;
    else if (word == "always")
        spec->restart = RESTART_ALWAYS;
    else
        toml_fail_type(doc, *tool.get("restart"), "restart",
                       "\"no\", \"on-failure\" or \"always\"");
}

static void read_times(const toml_document &doc, const toml::table &tool,
                       struct component_spec *spec)
{
    toml_duration_ms(doc, tool, "restart_delay", &spec->restart_delay_ms);
    if (!toml_duration_ms(doc, tool, "restart_max_delay", &spec->restart_max_delay_ms))
        spec->restart_max_delay_ms = std::max(spec->restart_max_delay_ms, spec->restart_delay_ms);
    else if (spec->restart_max_delay_ms < spec->restart_delay_ms)
        toml_fail(doc, tool.get("restart_max_delay")->source(),
                  "'restart_max_delay' is shorter than 'restart_delay'");
    toml_integer(doc, tool, "start_limit_burst", 0, UINT32_MAX, &spec->start_limit_burst);
    toml_duration_ms(doc, tool, "start_limit_interval", &spec->start_limit_interval_ms);
    toml_duration_ms(doc, tool, "stop_timeout", &spec->stop_timeout_ms);
}

void manifest_tool_read_app(const toml_document &doc, const toml::table &application,
                            struct manifest *m)
{
    const toml::table *tools = toml_table(doc, application, "tool");
    const toml::table *tool = tools ? toml_table(doc, *tools, "bobbin") : nullptr;
    std::string word;

    if (!tool)
        return;
    toml_check_keys(doc, *tool, {"durability"});
    if (!toml_string(doc, *tool, "durability", &word))
        return;
    if (word != "full" && word != "relaxed")
        toml_fail_type(doc, *tool->get("durability"), "durability", "\"full\" or \"relaxed\"");
    m->relaxed = word == "relaxed";
}

void manifest_tool_read(const toml_document &doc, const toml::table &component,
                        struct component_spec *spec)
{
    static const toml::table none;
    const toml::table *tools = toml_table(doc, component, "tool");
    const toml::table *tool = tools ? toml_table(doc, *tools, "bobbin") : nullptr;
    std::vector<std::string> args;

    if (!tool)
        tool = &none;
    toml_check_keys(doc, *tool,
                    {"command", "args", "restart", "restart_delay", "restart_max_delay",
                     "start_limit_burst", "start_limit_interval", "stop_timeout"});
    spec->restart = RESTART_ON_FAILURE;
    spec->restart_delay_ms = MANIFEST_RESTART_DELAY_MS;
    spec->restart_max_delay_ms = MANIFEST_RESTART_MAX_DELAY_MS;
    spec->start_limit_burst = MANIFEST_START_LIMIT_BURST;
    spec->start_limit_interval_ms = MANIFEST_START_LIMIT_INTERVAL_MS;
    spec->stop_timeout_ms = MANIFEST_STOP_TIMEOUT_MS;
    read_command(doc, *tool, spec);
    toml_strings(doc, *tool, "args", &args);
    spec->args = toml_cstrs(args);
    read_restart(doc, *tool, spec);
    read_times(doc, *tool, spec);
}
