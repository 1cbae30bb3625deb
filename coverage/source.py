# SPDX-License-Identifier: GPL-2.0
"""What the lines of a C file are, by its text: for lines of which gcov knows nothing.

Not a parser: it relies on the kernel's style, in which a function's braces
stand in the first column, and answers "other" where that is broken.
"""

import re
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence, Tuple

BLANK, COMMENT, DIRECTIVE, OUTSIDE, CODE = 'blank', 'comment', 'directive', 'outside', 'code'

Value = Optional[bool]      # None: nobody here knows


@dataclass
class Statement:
    """A statement's lines, its text, and the conditions it stands under."""
    first: int
    last: int
    text: str
    guards: Tuple[str, ...] = ()


@dataclass
class Branch:
    """One branch of an #if: its own condition, and those before it, which must be false."""
    condition: str
    before: Tuple[str, ...]


@dataclass
class Row:
    """One line."""
    kind: str
    branches: Tuple[Branch, ...] = ()
    statement: Optional[Statement] = None
    function: str = ''


@dataclass
class Source:
    """A file's lines; rows[0] is line 1.  functions: name, first and last line."""
    rows: List[Row] = field(default_factory=list)
    functions: List[Tuple[str, int, int]] = field(default_factory=list)

    def row(self, number: int) -> Row:
        """One line by its number."""
        return self.rows[number - 1] if 0 < number <= len(self.rows) else Row(BLANK)


def read(text: str) -> Source:
    """Look at a file."""
    lines = text.split('\n')
    plain = _without_comments(text).split('\n')
    source = Source()
    stack: List[Branch] = []
    directive = ''
    guard = _header_guard(plain)
    for line, bare in zip(lines, plain):
        stripped = bare.strip()
        if directive or stripped.startswith('#'):
            joined = directive + stripped
            directive = joined[:-1] + ' ' if joined.endswith('\\') else ''
            if not directive:
                _condition(joined, stack, guard)
            source.rows.append(Row(DIRECTIVE, tuple(stack)))
        else:
            kind = OUTSIDE if stripped else COMMENT if line.strip() else BLANK
            source.rows.append(Row(kind, tuple(stack)))
    _functions(source, plain)
    return source


def _without_comments(text: str) -> str:
    """The text with comments, and what is in strings, blanked out; lines stay where they are."""
    def blank(found: 're.Match[str]') -> str:
        piece = found.group(0)
        if piece[0] in '"\'':
            return piece[0] + re.sub(r'[^\n]', '_', piece[1:-1]) + piece[-1]
        return re.sub(r'[^\n]', ' ', piece)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*\Z', blank,
                  text, flags=re.DOTALL)


# A header of trace events is read several times on purpose.
_TRACE_GUARD = re.compile(r'! ?defined ?\(\w+\) \|\| defined ?\(TRACE_HEADER_MULTI_READ\)$')


def _header_guard(plain: Sequence[str]) -> str:
    """The name of the macro that keeps a header from being read twice."""
    directives = [line.strip() for line in plain if line.strip()][:2]
    if len(directives) == 2:
        first = re.match(r'#\s*ifndef\s+(\w+)', directives[0])
        if first and re.match(rf'#\s*define\s+{first.group(1)}\b', directives[1]):
            return first.group(1)
    return ''


def _condition(text: str, stack: List[Branch], guard: str) -> None:
    """Take in one preprocessor line."""
    found = re.match(r'#\s*(ifdef|ifndef|if|elif|else|endif)\b\s*(.*)', text)
    if not found:
        return
    word, rest = found.group(1), ' '.join(found.group(2).split())
    if word == 'endif':
        if stack:
            stack.pop()
    elif word in ('elif', 'else'):
        if stack:
            old = stack.pop()
            stack.append(Branch(rest if word == 'elif' else '1', (*old.before, old.condition)))
    else:
        condition = {'ifdef': f'defined({rest})', 'ifndef': f'!defined({rest})', 'if': rest}[word]
        open_ = (guard and rest == guard) or _TRACE_GUARD.match(condition)
        stack.append(Branch('1' if open_ else condition, ()))


def _functions(source: Source, plain: Sequence[str]) -> None:
    """Find the bodies, and the statements in them."""
    number = 1
    while number <= len(plain):
        line = plain[number - 1]
        one_line = re.match(r'\S.*\)\s*\{.*\}\s*$', line) or re.match(r'\{.*\}\s*$', line)
        if source.rows[number - 1].kind == OUTSIDE and (line.rstrip() == '{' or one_line):
            first, name = _heading(source, plain, number)
            last = number
            while not one_line and last < len(plain) and not plain[last - 1].startswith('}'):
                last += 1
            if name:
                source.functions.append((name, first, last))
                _body(source, plain, number, last, name)
                number = last
        number += 1


def _heading(source: Source, plain: Sequence[str], number: int) -> Tuple[int, str]:
    """First line and name of the function whose '{' is in a line; no name when it is none."""
    first = number
    while first > 1 and source.rows[first - 2].kind == OUTSIDE and not re.search(
            r'[;}]\s*$', plain[first - 2]):
        first -= 1
    text = ' '.join(plain[first - 1:number])
    named = re.search(r'(\w+)\s*\(', text)
    if not named or re.match(r'\s*(?:struct|union|enum)\s+\w*\s*\{', text) or '= {' in text:
        return number, ''
    return first, named.group(1)


_LOOP = re.compile(r'(?:else\s+)?(?:if|for|while|switch|\w*for_each\w*|scoped_\w+)\s*\(')
_LOOP_HEAD = re.compile(r'(?:for|while|do|\w*for_each\w*)\b')
_TOKEN = re.compile(r'&&|\|\||[(){};:?]|\w+|[^\s\w]')


def _body(source: Source, plain: Sequence[str], start: int, end: int, name: str) -> None:
    """Cut a function's body into statements."""
    builder = _Builder()
    for number in range(start, end + 1):
        row = source.rows[number - 1]
        if row.kind != OUTSIDE:
            continue
        row.kind, row.function = CODE, name
        line = plain[number - 1]
        if number == start and '{' in line:
            line = line[line.index('{'):]
        for token in _TOKEN.findall(line):
            builder.token(token, number)
    for statement in builder.found:
        for number in range(statement.first, statement.last + 1):
            row = source.rows[number - 1]
            if row.kind == CODE and (row.statement is None or row.statement.text == 'else'
                                     or not _WORD.search(row.statement.text)):
                row.statement = statement


_WORD = re.compile(r'\w')


class _Builder:
    """Statements from tokens."""

    def __init__(self) -> None:
        self.found: List[Statement] = []
        self._words: List[str] = []
        self._first = 0
        self._parens = self._questions = 0
        self._blocks: List[Tuple[str, ...]] = []
        self._pending: Tuple[str, ...] = ()

    def token(self, token: str, line: int) -> None:
        """Take in one token."""
        if not self._words:
            self._first = line
        self._words.append(token)
        self._parens += (token == '(') - (token == ')')
        self._questions += token == '?'
        if self._parens > 0:
            return
        text = ' '.join(self._words)
        if token == ')' and _LOOP.match(text) and self._closed():
            self._end(line, header=True)
        elif token in ';{}' or text in ('else', 'do'):
            self._end(line, header=text == 'else')
        elif token == ':':
            if self._questions:
                self._questions -= 1
            else:
                self._end(line)

    def _closed(self) -> bool:
        """Whether the parenthesis that just closed is the control statement's own."""
        return self._words.count('(') == self._words.count(')')

    def _end(self, line: int, header: bool = False) -> None:
        text = ' '.join(self._words)
        outer = tuple(guard for block in self._blocks for guard in block)
        self.found.append(Statement(self._first, line, text, outer + self._pending))
        if text.endswith('{'):
            self._blocks.append(self._pending)
            self._pending = ()
        elif text == '}':
            if self._blocks:
                self._blocks.pop()
            self._pending = ()
        elif header:
            self._pending += (text,)
        elif not text.endswith(':'):
            self._pending = ()
        self._words, self._questions = [], 0


_DECLARATION = re.compile(
    r'(?:(?:const|static|struct|union|enum|unsigned|signed|long|short|volatile|register)\s+)*'
    r'\w+(?:\s*\*)*\s+[\w\s,*\[\]_]+;$')


@dataclass
class If:
    """An if without else: the first lines of its body and of what follows, where there are any.

    leaves: whether the body ends by going elsewhere.
    """
    first: int
    body: Optional[int] = None
    after: Optional[int] = None
    leaves: bool = False


def if_at(source: Source, number: int) -> Optional[If]:
    """The if whose condition stands in a line; after is None where code comes there otherwise."""
    statement = source.row(number).statement
    if statement is None or not re.match(r'if \(', statement.text):
        return None
    found = If(statement.first)
    under = (*statement.guards, statement.text)
    for line in range(statement.last + 1, len(source.rows) + 1):
        other = source.row(line).statement
        if other is None or not _WORD.search(other.text):
            continue
        if other.guards[:len(under)] == under:
            found.body = found.body or line
            found.leaves = other.guards == under and bool(
                re.match(r'(?:return|goto|break|continue)\b', other.text))
        else:
            joined = re.match(r'else\b|case\b|\w+ :$', other.text) or _LOOP_HEAD.match(other.text)
            found.after = None if joined or other.guards != statement.guards else line
            break
    return found


def has_no_code(text: str) -> bool:
    """Whether a statement is one that the compiler makes nothing of: a label, a declaration."""
    if not re.search(r'\w', text) or text in ('else', 'do', 'else {', 'do {', '} else {'):
        return True
    if re.match(r'(?:case\b.*|default|\w+)\s*:$', text):
        return True
    return bool(_DECLARATION.match(text)) and not re.match(r'(?:return|goto|else)\b', text)


# Conditions of the preprocessor, with the configuration at hand.

def kept_out(row: Row, known: Callable[[str], Value]) -> Tuple[Value, str]:
    """Whether an #if keeps a line out, and what would let it in: 'needs CONFIG_NUMA'.

    known: whether a macro is set.  None when that cannot be told from here;
    the second part is then the condition in question.
    """
    doubtful = ''
    for branch in row.branches:
        for wanted, conditions in ((False, branch.before), (True, (branch.condition,))):
            for condition in conditions:
                value = evaluate(condition, known)
                if value is None:
                    doubtful = doubtful or f'#if {condition}'
                elif value != wanted:
                    return True, _needs(condition, wanted, known)
    return (None, doubtful) if doubtful else (False, '')


def guarded_out(statement: Statement, known: Callable[[str], Value]) -> str:
    """What keeps a statement under `if (IS_ENABLED(...))` out, '' when nothing does."""
    for guard in statement.guards:
        if 'IS_ENABLED' not in guard and 'IS_BUILTIN' not in guard:
            continue
        condition = re.match(r'(?:else )?if \((.*)\)$', guard.strip())
        if condition and evaluate(condition.group(1), known) is False:
            return _needs(condition.group(1), True, known)
    return ''


def _needs(condition: str, wanted: bool, known: Callable[[str], Value]) -> str:
    """What has to change for a condition to come out as wanted."""
    names = list(dict.fromkeys(re.findall(r'\bCONFIG_\w+', condition)))
    if not names:
        return f'#if {condition}' if wanted else f'#if !({condition})'
    return 'needs ' + ', '.join(name if not known(name) else f'{name}=n' for name in names)


def evaluate(condition: str, known: Callable[[str], Value]) -> Value:
    """A condition's value; None where it depends on what is not known."""
    tokens = re.findall(r'\w+|&&|\|\||[^\s\w]', condition)
    try:
        value, at = _either(tokens, 0, known)
    except IndexError:
        return None
    return value if at == len(tokens) else None


def _either(tokens: List[str], at: int, known: Callable[[str], Value]) -> Tuple[Value, int]:
    value, at = _both(tokens, at, known)
    while at < len(tokens) and tokens[at] == '||':
        other, at = _both(tokens, at + 1, known)
        value = True if value or other else None if None in (value, other) else False
    return value, at


def _both(tokens: List[str], at: int, known: Callable[[str], Value]) -> Tuple[Value, int]:
    value, at = _one(tokens, at, known)
    while at < len(tokens) and tokens[at] == '&&':
        other, at = _one(tokens, at + 1, known)
        value = False if False in (value, other) else None if None in (value, other) else True
    return value, at


def _one(tokens: List[str], at: int, known: Callable[[str], Value]) -> Tuple[Value, int]:
    token = tokens[at]
    if token == '!':
        value, at = _one(tokens, at + 1, known)
        return (None if value is None else not value), at
    if token == '(':
        value, at = _either(tokens, at + 1, known)
        if tokens[at] != ')':
            return None, _skip(tokens, at)
        return _compared(tokens, at + 1, value)
    if token.isdigit():
        return _compared(tokens, at + 1, token != '0')
    if tokens[at + 1:at + 2] == ['('] and token != 'defined':
        end = _skip(tokens, at + 2)
        if token in ('IS_ENABLED', 'IS_BUILTIN', 'IS_REACHABLE'):
            return known(tokens[at + 2]), end + 1
        return _compared(tokens, end + 1, None)
    if token == 'defined':
        return (known(tokens[at + 2]), at + 4) if tokens[at + 1] == '(' else (
            known(tokens[at + 1]), at + 2)
    return _compared(tokens, at + 1, known(token))


def _compared(tokens: List[str], at: int, value: Value) -> Tuple[Value, int]:
    """A comparison or arithmetic is not worked out: skip to its end."""
    if at >= len(tokens) or tokens[at] in ('&&', '||', ')'):
        return value, at
    depth = 0
    while at < len(tokens) and (depth or tokens[at] not in ('&&', '||', ')')):
        depth += (tokens[at] == '(') - (tokens[at] == ')')
        at += 1
    return None, at


def _skip(tokens: List[str], at: int) -> int:
    """Where the parenthesis that is open closes."""
    depth = 1
    while depth:
        depth += (tokens[at] == '(') - (tokens[at] == ')')
        at += 1
    return at - 1


def macros(configuration: Dict[str, str]) -> Callable[[str], Value]:
    """Which macros are set, by a kernel's configuration ({'NUMA': 'y', ...})."""
    fixed: Dict[str, Value] = {'__KERNEL__': True, '__ASSEMBLY__': False, '__ASSEMBLER__': False,
                               'MODULE': False, '__CHECKER__': False}

    def known(name: str) -> Value:
        if name.startswith('CONFIG_'):
            return configuration.get(name[len('CONFIG_'):], 'n') not in ('n', '')
        return fixed.get(name)
    return known
