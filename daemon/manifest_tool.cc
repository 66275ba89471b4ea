#include "daemon/manifest_tool.hh"

#include <algorithm>

#include "daemon/manifest_grants.hh"
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
    unsigned choice;

    if (toml_choice(doc, tool, "restart", {"no", "on-failure", "always"}, &choice))
        spec->restart = static_cast<enum restart_policy>(choice);
    if (toml_choice(doc, tool, "ready", {"exec", "hello", "line"}, &choice))
        spec->ready = static_cast<enum ready_policy>(choice);
    if (toml_choice(doc, tool, "log_policy", {"block", "drop"}, &choice))
        spec->log_policy = static_cast<enum log_policy>(choice);
}

/* "start", or a time. */
static void read_schedule(const toml_document &doc, const toml::table &tool,
                          struct component_spec *spec)
{
    const toml::node *node = tool.get("schedule");
    const auto *text = node ? node->as_string() : nullptr;

    if (!node)
        return;
    if (text && text->get() == "start") {
        spec->schedule = SCHEDULE_START;
        return;
    }
    if (text && toml_parse_duration(text->get()) < 0)
        toml_fail_type(doc, *node, "schedule", "\"start\" or a time such as \"10min\"");
    toml_duration_ms(doc, tool, "schedule", &spec->schedule_ms);
    if (spec->schedule_ms == 0)
        toml_fail_type(doc, *node, "schedule", "\"start\" or a time above 0");
    spec->schedule = SCHEDULE_EVERY;
}

/* "150%" of one processor's time. */
static void read_cpu_max(const toml_document &doc, const toml::table &tool,
                         struct component_spec *spec)
{
    std::string text;

    if (!toml_string(doc, tool, "cpu_max", &text))
        return;
    std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 6 || text.substr(digits) != "%" || std::stoul(text) == 0)
        toml_fail_type(doc, *tool.get("cpu_max"), "cpu_max",
                       "a share of one processor such as \"50%\", \"200%\"");
    spec->cpu_max = static_cast<std::uint32_t>(std::stoul(text));
}

static void read_limits(const toml_document &doc, const toml::table &tool,
                        struct component_spec *spec)
{
    std::uint64_t bytes;

    toml_integer(doc, tool, "instances", 1, MANIFEST_INSTANCES_MAX, &spec->instances);
    toml_integer(doc, tool, "files_max", 8, MANIFEST_FILES_MAX, &spec->files_max);
    toml_bytes(doc, tool, "memory_max", &spec->memory_max);
    read_cpu_max(doc, tool, spec);
    toml_integer(doc, tool, "log_keep", 0, MANIFEST_LOG_KEEP_MAX, &spec->log_keep);
    if (!toml_bytes(doc, tool, "log_size", &bytes))
        return;
    if (bytes < MANIFEST_LOG_SIZE_MIN || bytes > MANIFEST_LOG_SIZE_MAX)
        toml_fail_type(doc, *tool.get("log_size"), "log_size", "a size from 4K to 1G");
    spec->log_size = static_cast<std::uint32_t>(bytes);
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
    toml_duration_ms(doc, tool, "start_timeout", &spec->start_timeout_ms);
    toml_duration_ms(doc, tool, "watchdog", &spec->watchdog_ms);
}

void manifest_tool_read_app(const toml_document &doc, const toml::table &application,
                            struct manifest *m)
{
    const toml::table *tools = toml_table(doc, application, "tool");
    const toml::table *tool = tools ? toml_table(doc, *tools, "bobbin") : nullptr;
    std::string word;

    if (!tool)
        return;
    toml_check_keys(doc, *tool, {"durability", "checksums", "allow_users", "allow_groups"});
    manifest_grants(doc, *tool, m);
    if (const toml::node *node = tool->get("checksums")) {
        if (!node->is_boolean())
            toml_fail_type(doc, *node, "checksums", "true or false");
        m->checksums = node->as_boolean()->get();
    }
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
                     "start_limit_burst", "start_limit_interval", "stop_timeout", "schedule",
                     "ready", "start_timeout", "watchdog", "instances", "memory_max", "cpu_max",
                     "files_max", "writable", "log_size", "log_keep", "log_policy"});
    spec->restart = RESTART_ON_FAILURE;
    spec->restart_delay_ms = MANIFEST_RESTART_DELAY_MS;
    spec->restart_max_delay_ms = MANIFEST_RESTART_MAX_DELAY_MS;
    spec->start_limit_burst = MANIFEST_START_LIMIT_BURST;
    spec->start_limit_interval_ms = MANIFEST_START_LIMIT_INTERVAL_MS;
    spec->stop_timeout_ms = MANIFEST_STOP_TIMEOUT_MS;
    spec->start_timeout_ms = MANIFEST_START_TIMEOUT_MS;
    spec->instances = 1;
    spec->log_size = MANIFEST_LOG_SIZE;
    spec->log_keep = MANIFEST_LOG_KEEP;
    read_command(doc, *tool, spec);
    toml_strings(doc, *tool, "args", &args);
    spec->args = toml_cstrs(args);
    read_restart(doc, *tool, spec);
    read_times(doc, *tool, spec);
    read_schedule(doc, *tool, spec);
    read_limits(doc, *tool, spec);
}
