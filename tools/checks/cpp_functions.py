"""Finds the functions of a C++ file by their braces, without a compiler.

Comments, strings, characters and preprocessor lines are blanked first, so that a brace in them does not
count. Each brace that opens outside a function is then a namespace, a type, an initializer or a function,
which the text before it tells.
"""

import re

SCOPE_WORDS = re.compile(r"\b(namespace|class|struct|union|enum)\b")
LEADING_NOISE = re.compile(r"^(\s*(public|private|protected)\s*:(?!:))+")
TOKEN = re.compile(
    r"""//(?:\\\n|[^\n])*            # comment to the end of the line
      | /\*.*?\*/                    # block comment
      | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"   # raw string
      | "(?:\\.|[^"\\\n])*"          # string
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'            # character, not a digit separator
      | ^[ \t]*\#(?:\\\n|[^\n])*     # preprocessor line
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


class UnbalancedBraces(Exception):
    pass


def blank(text):
    """`text` with the same lines, where comments, literals and preprocessor lines are spaces."""
    return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def without_nested(text, opening, closing):
    """`text` without what stands between the outermost `opening` and `closing`, which stay."""
    result, depth = [], 0
    for character in text:
        if character == closing:
            depth = max(0, depth - 1)
        if depth == 0:
            result.append(character)
        if character == opening:
            depth += 1
    return "".join(result)


def without_template_heads(head):
    """`head` without its leading template<...> and requires clauses' brackets."""
    while True:
        match = re.search(r"\btemplate\s*<", head)
        if not match:
            return head
        depth, position = 1, match.end()
        while position < len(head) and depth:
            depth += {"<": 1, ">": -1}.get(head[position], 0)
            position += 1
        head = head[: match.start()] + head[position:]


def is_member_initializer(flat):
    """`flat` is a constructor's head, its brackets emptied, that ends in the name of a member: 'A::A() : b_'."""
    after_parameters = flat[flat.find(")") + 1 :]
    colon = re.search(r"(?<!:):(?!:)", after_parameters)
    return bool(colon) and not re.search(r"(\)|\b(const|noexcept|override|final|try))\s*$", flat)


def classify(head):
    """What the brace after `head` opens: 'scope', 'function' or 'initializer'."""
    head = LEADING_NOISE.sub("", without_template_heads(head)).strip()
    if re.match(r'(inline\s+)?namespace\b|extern\s*$', head):
        return "scope"
    if re.search(r"(=|,|\(|return)\s*$", head) and not re.search(r"operator\s*(==?|,|\()\s*$", head):
        return "initializer"
    flat = without_nested(head, "(", ")")
    keyword = SCOPE_WORDS.search(flat)
    if keyword:
        # "struct alignas(8) X", "class CAPABILITY("mutex") Mutex", but not "struct stat Get()".
        rest = re.sub(r"^\s*(class\b)?\s*(\[\[.*?\]\]|[A-Za-z_]\w*\s*\(\))?", "", flat[keyword.end() :])
        before = re.sub(r"\b[A-Z][A-Z0-9_]*\s*\(\)", "", flat[: keyword.start()])  # MACRO() struct X
        if "(" not in rest and "(" not in before:
            return "scope"
    if "(" not in flat or is_member_initializer(flat):
        return "initializer"
    return "function"


def name_of(head):
    head = LEADING_NOISE.sub("", without_template_heads(head)).strip()
    test = re.match(r"(TEST|TEST_F|TEST_P|TYPED_TEST)\s*\(([^)]*)\)", head)
    if test:
        return re.sub(r"\s+", "", test.group(2)).replace(",", ".")
    match = re.search(r"((?:[A-Za-z_]\w*(?:<[^<>()]*>)?::)*(?:operator\s*[^\s(]+|operator\(\)|~?[A-Za-z_]\w*))\s*\(", head)
    return match.group(1) if match else "?"


def matching_brace(text, position):
    """Where the brace that opens at `position` closes."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, position):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    raise UnbalancedBraces(text.count("\n", 0, position) + 1)


def functions(text):
    """[(name, first line, number of lines)]: from the signature's first line to the closing brace."""
    text = blank(text)
    found, head_start, position = [], 0, 0
    boundary = re.compile(r"[;{}]")
    depth = 0
    while True:
        match = boundary.search(text, position)
        if not match:
            if depth:
                raise UnbalancedBraces(text.count("\n") + 1)
            return found
        position = match.end()
        if match.group() == ";":
            head_start = position
        elif match.group() == "}":
            depth -= 1
            head_start = position
            if depth < 0:
                raise UnbalancedBraces(text.count("\n", 0, match.start()) + 1)
        else:
            head = text[head_start : match.start()]
            kind = classify(head)
            if kind == "scope":
                depth += 1
                head_start = position
                continue
            end = matching_brace(text, match.start())
            position = end + 1
            if kind == "function":
                noise = LEADING_NOISE.match(head)
                code = head_start + (noise.end() if noise else 0)
                code += len(text[code:]) - len(text[code:].lstrip())
                first = text.count("\n", 0, code) + 1
                found.append((name_of(head), first, text.count("\n", 0, end) + 2 - first))
                head_start = position
            # After an initializer the head goes on: "A::A() : b_{1} {".
