/* The table of commands. */
#include "client/cli/command.h"

#define OPTIONS_APP OPTION_BIT(APP)
#define OPTIONS_KV (OPTION_BIT(APP) | OPTION_BIT(STORE) | OPTION_BIT(COMMIT))
#define OPTIONS_LIST                                                                               \
    (OPTIONS_KV | OPTION_BIT(PREFIX) | OPTION_BIT(LIMIT) | OPTION_BIT(CURSOR) |                    \
     OPTION_BIT(REVERSE) | OPTION_BIT(NUL))

const struct command command_table[] = {
    {"up", "[DIR]", 0, 1, OPTIONS_APP | OPTION_BIT(KEY_VALUE), up_run,
     "run an app and follow its output",
     "Registers and starts the app in DIR, then shows what its components write until all of\n"
     "them are at rest. Ctrl-C stops the app. Where no daemon answers, one runs for as long as\n"
     "the command does. The app stays registered if it was so before.\n"
     "With --json, the output goes to stderr and the last status to stdout.\n",
     "bobbin up\nbobbin up ./counter --key-value greeting=hello --key-value limit=5\n"},
    {"register", "[DIR]", 0, 1, OPTIONS_APP, apps_register, "make an app directory known",
     "The daemon reads DIR/spin.toml if there is one. Nothing is started.\n",
     "bobbin register ./counter\n"},
    {"unregister", "[APP]", 0, 1, OPTIONS_APP, apps_unregister, "stop an app and forget it",
     "The directory and its data stay as they are.\n", "bobbin unregister counter\n"},
    {"list", "", 0, 0, 0, apps_list, "list the registered apps", "",
     "bobbin list\nbobbin list --json\n"},
    {"status", "[APP]", 0, 1, OPTIONS_APP, apps_status, "show an app and its components",
     "Without APP: the app of the current directory if it is registered, else all apps.\n"
     "With --json, `since` is in milliseconds since 1970, and what there is not is null.\n",
     "bobbin status\nbobbin status counter --json\n"},
    {"start", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COMPONENT), apps_start,
     "start an app's components", "Those that run already go on running.\n",
     "bobbin start counter\nbobbin start counter --component web\n"},
    {"stop", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COMPONENT), apps_stop,
     "stop an app's components", "Returns when the processes are gone.\n",
     "bobbin stop counter\nbobbin stop counter --component web\n"},
    {"restart", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COMPONENT), apps_restart,
     "stop an app's components and start them", "",
     "bobbin restart counter\nbobbin restart counter --component web\n"},
    {"reload", "[APP]", 0, 1, OPTIONS_APP, apps_reload, "apply what has changed in an app's spin.toml",
     "Components of which the manifest says the same as before go on as they are. When it is\n"
     "wrong, nothing changes.\n",
     "bobbin reload counter\n"},
    {"reset-failed", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COMPONENT), apps_reset,
     "forget that components have failed", "They are stopped then, and nothing is started.\n",
     "bobbin reset-failed counter\n"},
    {"check", "[DIR]", 0, 1, OPTIONS_APP, check_run, "say whether a directory would do as an app",
     "Reads DIR/spin.toml as the daemon would, with your rights, and says what is wrong with it:\n"
     "file, line, column, and what was expected. Then its store, unless a daemon has it open: SQLite's\n"
     "own check of the file, the tables beside Spin's, and the commit log. Nothing is changed or\n"
     "registered, and no daemon is needed.\n",
     "bobbin check\nbobbin check ./counter --json\n"},
    {"recover", "[DIR]", 0, 1, OPTIONS_APP, recover_run, "get out of a damaged store what can be got",
     "Reads the pages of the SQLite file one by one, also those that nothing leads to any more, and\n"
     "what the WAL and the commit log hold on top; a new file with all of that takes the store's\n"
     "place. The damaged files stay beside it, as DIR/.spin/sqlite_key_value.damaged-TIME.db. Says how\n"
     "many entries there are, and of how many keys the values are lost. A store that is whole is left as\n"
     "it is. Stop the app first; no daemon is needed. As root, it is done as the directory's owner.\n",
     "bobbin recover\nbobbin recover ./counter\n"},
    {"build", "[DIR]", 0, 1, OPTIONS_APP, build_run, "compile an app's modules ahead of time",
     "What is compiled stays in DIR/.spin/cache: an app that was built and is then copied to a\n"
     "machine with the same kind of processor and C library starts there without a compiler. No\n"
     "daemon is needed. As root, it is done as the directory's owner.\n",
     "bobbin build\nbobbin build ./counter\n"},
    {"logs", "[APP]", 0, 1,
     OPTIONS_APP | OPTION_BIT(COMPONENT) | OPTION_BIT(FOLLOW) | OPTION_BIT(LINES) | OPTION_BIT(LAST) |
         OPTION_BIT(SINCE),
     logs_run, "show what an app's components have written",
     "The lines of all components by time, each with the component that wrote it (\"ID@N\" is its\n"
     "instance N); lines of stderr have a '!'. --since 10m begins with what was written ten\n"
     "minutes ago, --since 14:30, '2024-01-31 14:30' (with a Z: UTC), today, yesterday or\n"
     "@1700000000 at that time; with --lines, only so many of the last ones. -f and -n N are short\n"
     "for --follow and --lines N. With --json, each line is a document.\n",
     "bobbin logs counter\nbobbin logs counter --component web -n 20 -f\n"
     "bobbin logs counter --since yesterday --json\n"},
    {"events", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(FOLLOW) | OPTION_BIT(LINES), events_run,
     "show what has happened to apps",
     "Changes of components' states, and of apps: registered, reloaded, left, and what is wrong\n"
     "with them. Without APP: of all apps. With --json, each event is a document.\n",
     "bobbin events\nbobbin events counter -f\n"},
    {"trace", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COUNT), trace_run,
     "show an app's live operations",
     "One request a line as it is answered, until Ctrl-C or --count of them: when, who asked (a\n"
     "component or a process), how long it took, bytes of the request and of the answer, the\n"
     "method, store and key, and the code of the error if it was refused or failed. Values are\n"
     "never shown. What comes faster than it is shown is counted. With --json, each line is a\n"
     "document.\n",
     "bobbin trace counter\nbobbin trace counter --count 100 --json\n"},
    {"explore", "[APP]", 0, 1, OPTIONS_APP, explore_run, "look at apps and stores in a browser",
     "Prints a link to a page on this machine that shows apps, processes, logs, numbers and what\n"
     "is in the stores, where entries can be changed. The link is good once; Enter prints another\n"
     "one, Ctrl-C ends the view. What the page may do is what you may do. With --json each link is\n"
     "a document.\n",
     "bobbin explore\nbobbin explore counter\n"},
    {"top", "", 0, 0, OPTION_BIT(COUNT), top_run, "show what the apps use, again and again",
     "All processes with memory, processor time and state, refreshed every two seconds until\n"
     "Ctrl-C, or --count times.\n",
     "bobbin top\nbobbin top --count 1\n"},
    {"get", "KEY", 1, 1, OPTIONS_KV, kv_get, "print the value of a key",
     "Writes exactly the bytes of the value; a newline follows only on a terminal and in a shell.\n"
     "Exits with 1 when there is no such key.\n"
     "With --json, a value that is not UTF-8 is in `value_base64` instead of `value`.\n"
     "With --commit, the number of the latest commit that the read saw goes to stderr.\n",
     "bobbin get greeting\nbobbin get picture --app /srv/counter > picture.png\n"},
    {"set", "KEY [VALUE|-]", 1, 2, OPTIONS_KV | OPTION_BIT(TTL) | OPTION_BIT(FILE), kv_set,
     "set a key to a value",
     "With \"-\", the value is read from standard input to its end, whatever bytes it has; with\n"
     "--file, from a file. Behind \"--\" every argument is taken as it is, also \"-\".\n"
     "With --ttl the entry vanishes after that time; a later set without it lets it stay.\n"
     "With --commit, prints the number of the commit that holds the change.\n",
     "bobbin set greeting hello\nbobbin set session-7 open --ttl 30m\n"
     "bobbin set picture --file picture.png\nbobbin set flag -- -v\n"},
    {"delete", "KEY", 1, 1, OPTIONS_KV, kv_delete, "delete a key",
     "It is no error when there is no such key.\n", "bobbin delete greeting\n"},
    {"exists", "KEY", 1, 1, OPTIONS_KV, kv_exists, "print whether a key is there",
     "Prints true or false, and exits with 1 for false.\n",
     "bobbin exists greeting\nif bobbin exists lock > /dev/null; then …; fi\n"},
    {"ttl", "KEY", 1, 1, OPTIONS_KV, kv_ttl, "print how long an entry has left to live",
     "Prints milliseconds, as \"59874ms\", or \"none\" for an entry that stays. Exits with 1 when\n"
     "there is no such key. With --json `ttl_ms` is the number, -1 for an entry that stays.\n",
     "bobbin ttl session-7\n"},
    {"increment", "KEY [DELTA]", 1, 2, OPTIONS_KV, kv_increment,
     "add to a number and print the sum",
     "DELTA is 1 if left out, and may be negative. The value is 8 bytes, a little-endian signed\n"
     "integer, as in Spin; where there is no such key, 0. A value of another length is an error,\n"
     "and so is a sum that does not fit.\n",
     "bobbin increment visits\nbobbin increment stock -3 --json\n"},
    {"swap", "KEY [VALUE|-]", 1, 2,
     OPTIONS_KV | OPTION_BIT(EXPECT) | OPTION_BIT(ABSENT) | OPTION_BIT(FILE), kv_swap,
     "set a key if it is what you expect",
     "Sets KEY to VALUE if its value is that of --expect, or with --absent if there is none, in\n"
     "one step. Prints true or false, and exits with 1 for false; with --json `current` is what\n"
     "is there instead.\n",
     "bobbin swap leader node-1 --absent\nbobbin swap leader node-2 --expect node-1\n"},
    {"atomic", "[CHECK|OP|-]…", 0, ARGS_ANY, OPTIONS_KV | OPTION_BIT(FILE), atomic_run,
     "do several things if all checks hold",
     "All operations are done in one step if all checks hold, or none. Prints true or false, and\n"
     "exits with 1 for false. Checks and operations are words one after another:\n"
     "  check KEY VALUE               the value is VALUE\n"
     "  absent KEY                    there is no such key\n"
     "  since KEY COMMIT              the entry was not changed behind that commit\n"
     "  set KEY VALUE                 set an entry\n"
     "  expiring DURATION KEY VALUE   set an entry with a time to live\n"
     "  delete KEY                    delete an entry\n"
     "  increment KEY DELTA           add to a number\n"
     "Or, with \"-\" or --file, a JSON document:\n"
     "  {\"checks\": [{\"key\": K, \"value\": V or null}, {\"key\": K, \"since\": N}],\n"
     "   \"ops\": [{\"op\": \"set\", \"key\": K, \"value\": V, \"ttl_ms\": N},\n"
     "           {\"op\": \"delete\", \"key\": K}, {\"op\": \"increment\", \"key\": K, \"delta\": "
     "N}]}\n"
     "where key_base64 and value_base64 stand for what is not UTF-8.\n",
     "bobbin atomic check account/ada 70 set account/ada 60 increment transfers 1\n"
     "bobbin atomic absent lock expiring 30s lock me\n"
     "bobbin atomic --file transfer.json --json\n"},
    {"get-many", "[KEY…|-]", 0, ARGS_ANY, OPTIONS_KV | OPTION_BIT(FILE) | OPTION_BIT(NUL), many_get,
     "print the values of several keys",
     "All of the same moment, one a line: the key, a tab, the value. Keys that are not there are\n"
     "left out, and the exit status is 1; with --json they are there with a value of null.\n"
     "With \"-\" or --file, the keys are read, one a line.\n",
     "bobbin get-many user/ada user/bob\nbobbin keys --null | bobbin get-many --null - --json\n"},
    {"set-many", "[KEY=VALUE…|-]", 0, ARGS_ANY, OPTIONS_KV | OPTION_BIT(TTL) | OPTION_BIT(FILE),
     many_set, "set several keys, all or none",
     "A key ends at the first '='. With \"-\" or --file, the entries are read as lines of JSON,\n"
     "{\"key\": …, \"value\": …}, with key_base64 and value_base64 for what is not UTF-8.\n"
     "At most 10000 entries; for more, and for entries that need not be set in one step, there\n"
     "is import.\n",
     "bobbin set-many user/ada=1 user/bob=2 --ttl 1h\nbobbin set-many --file entries.jsonl\n"},
    {"delete-many", "[KEY…|-]", 0, ARGS_ANY, OPTIONS_KV | OPTION_BIT(FILE) | OPTION_BIT(NUL),
     many_delete, "delete several keys, all or none",
     "It is no error when some of them are not there. With \"-\" or --file, the keys are read, "
     "one\n"
     "a line, at most 10000.\n",
     "bobbin delete-many user/ada user/bob\n"
     "bobbin keys --prefix tmp/ --limit 10000 --null | bobbin delete-many --null -\n"},
    {"keys", "", 0, 0, OPTIONS_LIST, listing_keys, "list the keys of a store",
     "In key order (bytewise), one a line. A key may have newlines in it; --null and --json tell\n"
     "them apart. With --limit, --json tells a `cursor` if there are more keys, from which\n"
     "--cursor goes on, also after days and restarts. With --commit, the number is that of the\n"
     "first page: watch --since with it misses nothing.\n",
     "bobbin keys\nbobbin keys --prefix user: --limit 10\nbobbin keys --reverse --null | xargs -0 "
     "…\n"},
    {"entries", "", 0, 0, OPTIONS_LIST, listing_entries, "list the entries of a store",
     "As keys does, but each with its value behind a tab. For what another program is to read,\n"
     "see --json, and export.\n",
     "bobbin entries --prefix user:\nbobbin entries --limit 100 --json\n"},
    {"count", "", 0, 0, OPTIONS_KV, listing_count, "count the entries of a store",
     "The bytes are those of all keys and values.\n", "bobbin count\nbobbin count --json\n"},
    {"watch", "[KEY…]", 0, ARGS_ANY,
     OPTION_BIT(APP) | OPTION_BIT(STORE) | OPTION_BIT(PREFIX) | OPTION_BIT(SINCE) |
         OPTION_BIT(VALUES) | OPTION_BIT(COUNT) | OPTION_BIT(RECONNECT),
     watch_run, "show changes as they are committed",
     "One change a line until Ctrl-C: the commit number, a tab, the kind (set, delete, expire), a\n"
     "tab, the key; with --values a tab and the value. With --json, each line is a document.\n"
     "With --since the changes behind that commit come first, as far as the daemon remembers\n"
     "them; if it does not, the error is `compacted`. Who reads too slowly gets `overflow` and\n"
     "the number to go on from. With --reconnect, the watch outlives the connection, a restart\n"
     "of the daemon and an overflow; the changes of the last commit may then come twice.\n",
     "bobbin watch\nbobbin watch lock leader --values\nbobbin watch --prefix user: --since 42 "
     "--json\n"},
    {"backup", "FILE", 1, 1, OPTIONS_APP, backup_run, "copy an app's whole store into a file",
     "FILE must not be there yet. The copy is a plain SQLite file with all stores of the app, the\n"
     "state after one of its commits; others go on reading and writing meanwhile. The daemon\n"
     "writes it with your rights.\n",
     "bobbin backup counter.db\nbobbin backup /var/backups/counter.db --app counter\n"},
    {"restore", "FILE", 1, 1, OPTIONS_APP | OPTION_BIT(KEEP) | OPTION_BIT(STOP), restore_run,
     "put a backup in the place of an app's whole store",
     "FILE, a backup or another SQLite file of Spin's, is copied and checked: that you may read\n"
     "it, that it is whole, and has Spin's table. Then it takes the place of all of the app's\n"
     "stores at once; if anything goes wrong, also a power cut, the old content is there as it\n"
     "was. None of the app's components may run: stop them first, or give --stop, which starts\n"
     "those that were wanted again. Other connections go on; watches end with `overflow`, since\n"
     "nothing is as they knew it. FILE stays as it is. With --keep, the old file stays as\n"
     "DIR/.spin/sqlite_key_value.before-N.db, N being the commit number that is told.\n",
     "bobbin restore counter.db\nbobbin restore /var/backups/counter.db --app counter --stop "
     "--keep\n"},
    {"export", "[FILE]", 0, 1,
     OPTIONS_APP | OPTION_BIT(STORE) | OPTION_BIT(PREFIX) | OPTION_BIT(AFTER) |
         OPTION_BIT(AFTER_STORE) | OPTION_BIT(CURSOR),
     export_run, "write all entries as lines of JSON",
     "One entry a line, to FILE, which must not be there yet, or to standard output:\n"
     "  {\"store\":\"default\",\"key\":\"greeting\",\"value\":\"hello\"}\n"
     "with key_base64 and value_base64 for what is not UTF-8, and \"expires\", in milliseconds\n"
     "since 1970, for an entry with a time to live. All stores of the app, or that of --store.\n"
     "Others may go on writing; for the state of one moment, there is backup. When it is\n"
     "interrupted it says with which --after to go on; FILE is then appended to.\n",
     "bobbin export counter.jsonl\nbobbin export --store cache --prefix user: | gzip > users.gz\n"
     "bobbin export counter.jsonl --after user:4711\n"},
    {"import", "[FILE|-]", 0, 1,
     OPTIONS_APP | OPTION_BIT(STORE) | OPTION_BIT(AFTER) | OPTION_BIT(AFTER_STORE) |
         OPTION_BIT(CURSOR) | OPTION_BIT(ON_CONFLICT) | OPTION_BIT(DRY_RUN),
     import_run, "set the entries of an export",
     "Reads lines as export writes them, from FILE or standard input. Every line is checked; at\n"
     "the first that is wrong it stops and names the line, and what stands before it is set.\n"
     "--dry-run only checks. A line without \"store\" is for \"default\"; --store means that\n"
     "store for all lines. What has expired meanwhile is left out. A key that is there already\n"
     "is overwritten, unless --on-conflict says skip or fail. Entries are set many at a time,\n"
     "each synced before it counts; when it is interrupted it says with which --after to go on.\n",
     "bobbin import counter.jsonl\nzcat users.gz | bobbin import --store cache --on-conflict skip\n"
     "bobbin import counter.jsonl --dry-run\n"},
    {"stats", "[APP]", 0, 1, OPTIONS_APP, stats_run, "show numbers of the daemon or of an app",
     "bobbin-protocol(7) tells what each is.\n", "bobbin stats\nbobbin stats counter --json\n"},
    {"config", "", 0, 0, 0, config_run, "show what the daemon is configured to, for administrators",
     "Each key of bobbin.toml(5) with its value in force and where it comes from: default, file,\n"
     "environment (BOBBIND_KEY), option (the daemon's command line) or systemd (which has opened\n"
     "the socket). What was changed since, and waits for a restart, is told beside it.\n",
     "bobbin config\nbobbin config --json\n"},
    {"shell", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(STORE), shell_run,
     "type commands one after another",
     "Commands as here but without \"bobbin\", over one connection to one app: keys, values, and\n"
     "also the app. Words are quoted as in sh; # begins a comment. On a terminal, lines can be\n"
     "edited and are remembered (but for those that begin with a blank), Tab completes commands\n"
     "and options, stores and keys, Ctrl-C gives up a line, Ctrl-D leaves. Otherwise the lines\n"
     "are a script; its exit status is that of the last command that did not exit with 0. When\n"
     "the daemon was restarted, the shell connects again before the next command; nothing is\n"
     "repeated.\n"
     "`help` names what there is beside: use STORE, stores, exit.\n",
     "bobbin shell counter\nbobbin shell --json < script\n"},
    {"upgrade", "", 0, 0, 0, upgrade_run, "let a new bobbind take the daemon's place",
     "Runs the bobbind that is installed now in the place of the running one, with its options.\n"
     "The apps' processes, all connections and watches go on: requests wait for a moment, and\n"
     "none is lost or done twice. Where something is wrong with the new program or its\n"
     "configuration, the old one goes on, and the error says why. A bobbind that cannot take\n"
     "over from this one stops and starts the apps. For administrators.\n",
     "bobbin upgrade\nbobbin upgrade --json\n"},
    {"ping", "", 0, 0, 0, ping_run, "ask the daemon for a sign of life", "", "bobbin ping\n"},
    {"help", "[COMMAND]", 0, 1, 0, help_run, "explain a command", "", "bobbin help set\n"},
};
const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);
