# SPDX-License-Identifier: GPL-2.0
"""A review as one HTML page that needs nothing else: patches as diffs, marked line by line.

Marks tell the classes apart by shape as well as by colour, so that they are
there in print and for those who do not see the colours.  n and p lead to the
next and the previous gap; without scripts everything is there all the same.
"""

import html
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .diff import FileDiff

Facts = Dict[str, Any]

MARKS = {'covered': '✓', 'partial': '◐', 'uncovered': '✗', 'excluded': '–',
         'not-compiled': '∅', 'optimised-out': '·', 'no-code': ''}
NAMES = {'covered': 'covered', 'partial': 'partly covered', 'uncovered': 'not covered',
         'excluded': 'has a recorded reason', 'not-compiled': 'not compiled',
         'optimised-out': 'no code left by gcc'}
GAPS = ('partial', 'uncovered', 'not-compiled')
_SHOWN_TESTS = 40

STYLE = '''
:root { color-scheme: light dark; --back: #fff; --text: #1f2328; --soft: #59636e;
  --line: #d1d9e0; --head: #f6f8fa; --covered: #dafbe1; --partial: #fff3bf;
  --uncovered: #ffdcd7; --not-compiled: #e7def9; --excluded: #e6eaef; --mark: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --soft: #9198a1;
  --line: #3d444d; --head: #151b23; --covered: #12361f; --partial: #4a3a07;
  --uncovered: #5a1e1b; --not-compiled: #34265a; --excluded: #2a313c; --mark: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--back);
  color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: .2rem 0; } h2 { font-size: 1.1rem; margin: 1.8rem 0 .3rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } a { color: var(--mark); }
code, .diff { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
.wide { overflow-x: auto; }
table.sum { border-collapse: collapse; margin: .8rem 0; width: 100%; }
.sum th, .sum td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; } .sum th:nth-child(2), .sum td:nth-child(2) { text-align: left;
  white-space: normal; overflow-wrap: anywhere; min-width: 12rem; width: 99%; }
.bad { font-weight: 700; }
.bad::before { content: "\\2717\\00a0"; }
ul.gaps { padding-left: 1.2rem; } .gaps li { margin: .15rem 0; overflow-wrap: anywhere; }
.file { border: 1px solid var(--line); border-radius: 6px; margin: .7rem 0; overflow: hidden; }
.file > h3 { margin: 0; padding: .35rem .7rem; font-size: .85rem; background: var(--head);
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.diff { overflow-x: auto; } .diff table { border-collapse: collapse; min-width: 100%; }
.diff td { padding: 0 .5rem; vertical-align: top; white-space: pre; tab-size: 8; }
.diff .n { text-align: right; color: var(--soft); user-select: none; min-width: 3.2rem; }
.diff .m { text-align: center; width: 1.6rem; font-weight: 700; user-select: none; }
.diff .c { text-align: right; color: var(--soft); min-width: 3rem; }
.diff .s { width: 100%; }
.diff .t { color: var(--soft); }
.t summary { cursor: pointer; text-align: right; white-space: nowrap; }
.diff .t details[open] { white-space: normal; width: 22rem; }
.diff .h td { color: var(--soft); background: var(--head); }
.diff .removed td { color: var(--soft); }
.covered td { background: var(--covered); } .partial td { background: var(--partial); }
.uncovered td { background: var(--uncovered); }
.not-compiled td { background: var(--not-compiled); }
.excluded td { background: var(--excluded); }
.uncovered .m, .partial .m, .not-compiled .m { border-left: 4px solid var(--text); }
.diff .said td { white-space: normal; font-style: italic; }
.diff .said .s { padding-left: 4rem; }
tr:target td, tr.here td { outline: 2px solid var(--mark); outline-offset: -2px; }
.key span { display: inline-block; margin: 0 .9rem .2rem 0; }
.key b { display: inline-block; min-width: 1.3rem; padding: 0 .25rem; text-align: center; }
.key .covered { background: var(--covered); } .key .partial { background: var(--partial); }
.key .uncovered { background: var(--uncovered); } .key .excluded { background: var(--excluded); }
.key .not-compiled { background: var(--not-compiled); }
@media (max-width: 40rem) { body { padding: .6rem; } .diff .said .s { padding-left: 1rem; }
  .diff .n { min-width: 2.2rem; padding: 0 .2rem; } .diff .c { display: none; }
  .sum th, .sum td { padding: .25rem .3rem; font-size: .85rem; } .sum .opt { display: none; }
  .sum th:nth-child(2), .sum td:nth-child(2) { min-width: 6rem; }
  ul.gaps code { display: block; } }
@media print { body { max-width: none; } .diff td { white-space: pre-wrap; }
  code, .diff { font-size: 10px; } h2, h2 + p, .file > h3 { break-after: avoid; }
  .diff .t, .diff .n, .diff .c { white-space: nowrap; } .t summary { list-style: none; }
  .file { break-inside: auto; overflow: visible; } .noprint { display: none; }
  .diff tr { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
'''

SCRIPT = '''
(function () {
  var gaps = Array.prototype.slice.call(document.querySelectorAll('tr[data-gap]')), at = -1;
  function go(step) {
    if (!gaps.length) return;
    if (at >= 0) gaps[at].classList.remove('here');
    at = (at + step + gaps.length) % gaps.length;
    if (at < 0) at = 0;
    gaps[at].classList.add('here');
    gaps[at].scrollIntoView({block: 'center'});
    gaps[at].querySelector('a').focus({preventScroll: true});
  }
  document.addEventListener('keydown', function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'n') go(1);
    if (event.key === 'p') go(at < 0 ? 0 : -1);
  });
  window.addEventListener('beforeprint', function () {
    var more = document.querySelector('details.more');
    if (more) more.open = true;
  });
})();
'''


def render(said: Facts, diffs: Mapping[int, Sequence[FileDiff]], heading: str) -> str:
    """The page; diffs: by the patch's number; heading: what was measured on what."""
    body = [f'<h1>{_e(said["title"])}</h1>', f'<p class="soft">{_e(heading)}, on '
            f'<code>{_e(said["base"][:12])}</code></p>', _table(said), _wrong(said),
            _gaps(said, diffs), _key()]
    for patch in said['patches']:
        body.append(_patch(patch, diffs.get(patch['number'], ())))
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{_e(said["title"])}</title><style>{STYLE}</style></head>\n<body>\n'
            + '\n'.join(filter(None, body)) + f'\n<script>{SCRIPT}</script></body></html>\n')


def _e(text: object) -> str:
    return html.escape(str(text))


def _figure(totals: Facts, name: str) -> str:
    covered, total = totals[name]['covered'], totals[name]['total']
    if not total:
        return '-'
    return f'{covered}/{total}' + ('' if covered == total else f' {100 * covered // total} %')


def _table(said: Facts) -> str:
    """The same table as in the terminal."""
    rows = []
    for patch in said['patches']:
        built = {True: 'ok', False: 'fails', None: '-'}[patch['builds']]
        last = patch is said['patches'][-1] and said['measured']
        tests = patch['tests'] or (said['tests'] if last else None)
        shown, bad = '-', False
        if tests:
            bad = bool(tests['failures'])
            shown = f'{tests["passed"]}/{tests["passed"] + tests["failed"] + tests["crashed"]}'
        nothing = not patch['totals']['lines']['total']
        why = ('not measured' if not said['measured'] else 'no code' if patch['totals']['classes']
               else 'written over by a later patch' if patch['added'] else 'adds nothing')
        cells = [(f'{patch["number"]}', ''),
                 (f'<a href="#patch-{patch["number"]}">{_e(patch["subject"])}</a>', ''),
                 (built, 'bad' if patch['builds'] is False else ''),
                 (str(len(patch['warnings'])) if said['mode'] != 'tip' else '-', 'opt'),
                 (shown, 'bad' if bad else 'opt'),
                 (why if nothing else _figure(patch['totals'], 'lines'), ''),
                 ('' if nothing else _figure(patch['totals'], 'branches'), '')]
        rows.append('<tr>' + ''.join(f'<td class="{kind}">{text}</td>' for text, kind in cells)
                    + '</tr>')
    return ('<div class="wide"><table class="sum"><tr><th></th><th>patch</th><th>build</th>'
            '<th class="opt">warnings</th><th class="opt">tests</th><th>lines</th>'
            '<th>branches</th></tr>'
            + ''.join(rows) + '</table></div>')


def _wrong(said: Facts) -> str:
    """What fails, in words."""
    rows = []
    for patch in said['patches']:
        if patch['error']:
            rows.append(f'{patch["number"]} does not build: {patch["error"]}')
        rows += [f'{patch["number"]} new warning {one["file"]}:{one["line"]} {one["text"]}'
                 for one in patch['warnings']]
        rows += [f'{patch["number"]} checkpatch {one}' for one in patch['checkpatch']]
    for one in said['failures']:
        until = f', mended by {one["mended"]}' if one['mended'] else ''
        rows.append(f'{one["since"]} breaks {one["case"]}{until}: {one["message"]}')
    rows += [f'{one["case"]} in {one["config"]}: {one["message"]}'
             for one in said['tests']['failures']]
    rows += said['notes'] + said['lost']
    return '<ul>' + ''.join(f'<li>{_e(row)}</li>' for row in rows) + '</ul>' if rows else ''


def _anchor(patch: int, path: str, line: object) -> str:
    return f'p{patch}-{path.replace("/", "-")}-{line}'


def _gaps(said: Facts, diffs: Mapping[int, Sequence[FileDiff]]) -> str:
    """Links to what is not covered, the first ones."""
    found = [(patch['number'], path, line) for patch in said['patches']
             for path, lines in patch['files'].items() for line in lines.values()
             if line['class'] in GAPS]
    if not said['measured']:
        return '<p>Coverage was not measured.</p>'
    if not found:
        return '<p>No gap: every changed line that has code was executed in full.</p>'
    text = {(number, file.path, at): row.strip() for number, files in diffs.items()
            for file in files for at, row in file.added.items()}
    kinds = {'not-compiled': 'not compiled: '}
    items = [f'<li>{MARKS[line["class"]]} <a href="#{_anchor(number, path, line["at"])}">'
             f'{number} {_e(path)}:{line["at"]}{f"-{last}" if last > line["at"] else ""}</a> '
             f'{kinds.get(line["class"], "")}{_e(line.get("reason", ""))} '
             f'<code class="soft">{_e(text.get((number, path, line["at"]), ""))}</code></li>'
             for number, path, line, last in _merged(found)]
    more = len(items) - 8
    rest = (f'<details class="more"><summary>and {more} more</summary><ul class="gaps">'
            f'{"".join(items[8:])}</ul></details>') if more > 0 else ''
    return ('<p><b>Not covered</b> <span class="soft noprint">(keys n and p: next and previous '
            f'one)</span></p><ul class="gaps">{"".join(items[:8])}</ul>{rest}')


def _merged(found: Sequence[Tuple[int, str, Facts]]) -> List[Tuple[int, str, Facts, int]]:
    """Neighbouring gaps of a kind as one, with the last one's line."""
    joined: List[Tuple[int, str, Facts, int]] = []
    for number, path, line in found:
        if joined:
            before, there, first, last = joined[-1]
            if ((before, there, first['class'], first.get('reason')) == (
                    number, path, line['class'], line.get('reason'))
                    and line['at'] - last <= 3 and line['class'] != 'partial'):
                joined[-1] = before, there, first, line['at']
                continue
        joined.append((number, path, line, line['at']))
    return joined


def _key() -> str:
    return '<p class="key soft">' + ''.join(
        f'<span><b class="{kind}">{MARKS[kind]}</b> {name}</span>'
        for kind, name in NAMES.items()) + '</p>'


def _patch(patch: Facts, files: Sequence[FileDiff]) -> str:
    """One patch as its diff."""
    parts = [f'<h2 id="patch-{patch["number"]}">{patch["number"]}. {_e(patch["subject"])} '
             f'<code class="soft">{_e(patch["commit"][:12])}</code></h2>']
    size = patch['size']
    notes = []
    if size and size['before'] != size['after']:
        notes.append(f'{size["after"] - size["before"]:+} bytes of code and data')
    if patch['functions']['indirect']:
        notes.append('changes the code, not the text, of '
                     + ', '.join(patch['functions']['indirect'][:12]))
    moved = sum(line.get('moved', False) for lines in patch['files'].values()
                for line in lines.values())
    if moved:
        notes.append(f'{moved} of its lines are moved: the patch takes them out elsewhere')
    parts += [f'<p class="soft">{_e(note)}</p>' for note in notes]
    for file in files:
        lines = {line['at']: line for line in patch['files'].get(file.path, {}).values()}
        parts.append(_file(patch['number'], file, lines))
    return '\n'.join(parts)


def _file(number: int, file: FileDiff, lines: Mapping[int, Facts]) -> str:
    name = file.path if file.old_path == file.path else f'{file.old_path} → {file.path}'
    rows: List[str] = []
    for hunk in file.hunks:
        rows.append(_row('h', '', '', '', f'@@ -{hunk.old} +{hunk.new} @@'))
        for sign, _, new, text in hunk.rows:
            if sign == '+':
                rows += _added(number, file.path, new, text, lines.get(new))
            else:
                rows.append(_row('removed' if sign == '-' else '', '',
                                 str(new) if sign == ' ' else '', '', _e(sign + text)))
    what = 'binary' if file.binary else 'deleted' if file.deleted and not rows else ''
    return (f'<div class="file"><h3>{_e(name)} {what}</h3><div class="diff"><table>'
            + '\n'.join(rows) + '</table></div></div>')


def _row(kind: str, mark: str, line: str, count: str, text: str, tests: str = '',
         more: str = '') -> str:
    """A row of a diff: mark, line, executions, source, tests."""
    return (f'<tr class="{kind}"{more}><td class="m">{mark}</td><td class="n">{line}</td>'
            f'<td class="c">{count}</td><td class="s">{text}</td><td class="t">{tests}</td></tr>')


def _added(number: int, path: str, new: int, text: str, line: 'Facts | None') -> List[str]:
    """An added line, and below it what is to be said of it."""
    kind = line['class'] if line else 'no-code'
    label = NAMES.get(kind, 'no code') if line else 'not measured, or written anew by a later patch'
    anchor = _anchor(number, path, new)
    more = f' id="{anchor}" title="{_e(label)}"' + (' data-gap' if kind in GAPS else '')
    rows = [_row(kind, MARKS[kind], f'<a href="#{anchor}">{new}</a>',
                 str(line.get('count', '')) if line else '', _e(f'+{text}'),
                 _tests(line) if line else '', more)]
    said = _said(line) if line else ''
    return rows + ([_row(f'said {kind}', '', '', '', said)] if said else [])


def _said(line: Facts) -> str:
    """Reason and outcomes of a line; nothing for one of which there is nothing to say."""
    parts = []
    if line['class'] in (*GAPS, 'excluded', 'optimised-out') and line.get('reason'):
        parts.append(_e(line['reason']))
    if line['class'] == 'partial':
        parts.append(f'outcomes happened {", ".join(map(str, line["branches"]))} times')
    return '; '.join(parts)


def _tests(line: Facts) -> str:
    """Who ran a line."""
    tests = line.get('tests') or []
    if not tests:
        return ''
    listed = ', '.join(map(_e, tests[:_SHOWN_TESTS]))
    more = f' and {len(tests) - _SHOWN_TESTS} more' if len(tests) > _SHOWN_TESTS else ''
    where = f' in {", ".join(map(_e, line["config"]))}' if len(line['config']) > 1 else ''
    return (f'<details><summary>{len(tests)} test{"s" if len(tests) > 1 else ""}{where}</summary>'
            f'{listed}{more}</details>')
