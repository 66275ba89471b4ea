"""The tables in the man pages that follow from the protocol's lists and from bobbin.h."""
import re


def quoted(text):
    """For an argument of a macro, or text."""
    return text.replace("\\", "\\e").replace('"', "\\(dq").replace("…", "...")


def field(text):
    return '"%s"' % quoted(text)


def methods(rows):
    yield ".Bl -tag -width Ds"
    for name, access, params, result in rows:
        yield ".It Ic %s Li %s" % (name, field(params))
        yield "%s;" % access
        yield "result:"
        yield ".Li %s" % field(result)
    yield ".El"


def notifications(rows):
    yield ".Bl -tag -width Ds"
    for name, params in rows:
        yield ".It Ic %s Li %s" % (name, field(params))
    yield ".El"


def errors(rows):
    yield '.Bl -column "store-table-full" "retry"'
    yield ".It Sy Code Ta Sy Retry Ta Sy Meaning"
    for name, retry, text in rows:
        yield ".It Li %s Ta %s Ta %s" % (name, retry, quoted(text))
    yield ".El"


def limits(rows):
    yield '.Bl -column "app_connections" "315360000000"'
    yield ".It Sy Name Ta Sy Number Ta Sy What"
    for name, number, what in rows:
        yield ".It Li %s Ta %s Ta %s" % (name, number, quoted(what))
    yield ".El"


def settable(rows):
    yield '.Bl -column "max_app_connections" "16777216" "4096 to 1073741824"'
    yield ".It Sy Key Ta Sy Default Ta Sy Range"
    for name, standard, least, most in rows:
        yield ".It Cm max_%s Ta %s Ta %s to %s" % (name, standard, least, most)
    yield ".El"


def statuses(rows):
    """What the daemon can say, for bobbin(3)."""
    yield ".Bl -tag -width Ds"
    for name, _, text in rows:
        yield ".It Dv BOBBIN_%s" % name.upper().replace("-", "_")
        yield quoted(text[0].upper() + text[1:]) + "."
    yield ".El"


def kinds(header):
    """Of bobbin_request in bobbin.h, with the fields that belong to each."""
    body = re.search(r"typedef enum bobbin_request_kind \{(.*?)\}", header, re.S).group(1)
    yield ".Bl -column \"BOBBIN_REQUEST_APP_UNREGISTER\""
    yield ".It Sy Kind Ta Sy Fields"
    for name, fields in re.findall(r"(BOBBIN_REQUEST_\w+),\s*(?:/\*(.*?)\*/)?", body, re.S):
        yield ".It Dv %s" % name + (" Ta " + quoted(" ".join(fields.split())) if fields else "")
    yield ".El"


def replace(page, name, lines):
    """The page with these lines between its two marks of that name."""
    mark = '.\\" %s of ' + name + "\n"
    begin, end = mark % "begin", mark % "end"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    if not rest or not tail:
        raise ValueError("no marks of '%s'" % name)
    return head + begin + "".join(line + "\n" for line in lines) + end + tail


def prototypes(header):
    """{name: (type, [argument...])} of every function in bobbin.h."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    found = {}
    for kind, name, args in re.findall(r"BOBBIN_API\s+([^;]*?)\b(bobbin_\w+)\s*\(([^;]*)\);", text):
        found[name] = (" ".join(kind.split()), [" ".join(a.split()) for a in args.split(",")])
    return found


def synopsis(functions, header):
    all_of_them = prototypes(header)
    for name in functions:
        kind, args = all_of_them[name]
        yield ".Ft " + (field(kind) if " " in kind else kind)
        yield ".Fo " + name
        for argument in args:
            yield ".Fa " + field(argument)
        yield ".Fc"
