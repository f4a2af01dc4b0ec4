"""Log: what was done in the case, when and by whom, and whether anybody has changed that since."""

from html import escape as quote_html

import streamlit as st

from core.base.text import format_count
from core.http import download_name
from core.machine.chain import Log
from core.workspace import services
from core.workspace.cases import LOG_TABLE, Case
from pages.parts.shell.markdown import code, escape
from pages.parts.shell.open_case import require_case
from pages.parts.shell.page_head import page_head

_FIRST_ROWS = 200
_HEAD = ("No.", "When", "Who", "Kind", "What")
# A table of our own: lists and tables of Streamlit's cut a sentence off, or read it as Markdown.
_STYLE = (
    "<style>"
    ".log-table { width: 100%; border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }"
    ".log-table :is(th, td) { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;"
    " border-bottom: 1px solid light-dark(#d5d6d8, #41444c); white-space: nowrap; }"
    ".log-table :is(th, td):last-child { width: 100%; white-space: normal; overflow-wrap: anywhere; padding-right: 0; }"
    ".log-table .erased td:last-child { font-style: italic; opacity: .8; }"
    "</style>"
)


def show_state(log: Log, earlier: int) -> None:
    """Whether the chain holds, and where it does not."""
    if log.fault:
        st.error(
            f"**The log is broken: {escape(log.fault.description)}.** Somebody changed its files, or the disk is "
            "damaged. Compare it with a back-up or an export.",
            icon=":material/link_off:",
        )
    elif log.rows:
        entries = format_count(len(log.rows), "entry", "entries")
        erased = f", {len(log.erased):,} of them erased" if log.erased else ""
        start = code(log.head.hash[:16])
        st.markdown(
            f":material/verified: **Verified: {entries}{erased}.** The last one has the hash {start}…",
            help="A zip file has the hash of the entry that was the last when it was made. Whoever keeps it can tell "
            f"later whether the log was written anew. In full: {code(log.head.hash)}",
        )
    if earlier:
        lines = format_count(earlier, "line is", "lines are")
        st.caption(f"{lines} from before Sightline chained its log, and cannot be verified.")


def table_rows(log: Log, earlier: list[str]) -> list[tuple[str, ...]]:
    """The cells of each row, newest first."""
    newest_first = reversed(log.rows)
    rows: list[tuple[str, ...]] = [
        (str(row.number), _spaced(row.when), row.who, row.kind, row.text) for row in newest_first
    ]
    for line in reversed(earlier):
        when, _, what = line.partition(" ")
        rows.append(("–", _spaced(when), "", "unverified", what))
    return rows


def _spaced(text: str) -> str:
    """
    >>> _spaced("2026-11-30T06:20:41+0100")
    '2026-11-30 06:20:41 +0100'
    """
    day, _, time = text.partition("T")
    return f"{day} {time[:8]} {time[8:]}".strip()


def show_table(case: Case, rows: list[tuple[str, ...]], erased: set[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search", placeholder="a word, a name, a date", key=f"log search {case.key}", width=320)
        st.download_button(
            "Download as CSV",
            lambda: services().cases.log_files(case.key)[LOG_TABLE],
            file_name=download_name(case, "-log.csv"),
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    terms = search.casefold().split()
    found = [row for row in rows if all(term in " ".join(row).casefold() for term in terms)]
    if not found:
        st.info("**No entry has these words.** Search for something else.", icon=":material/search_off:")
        return
    if terms:
        st.caption(f"{len(found):,} of {format_count(len(rows), 'entry', 'entries')}")
    is_long = len(found) > _FIRST_ROWS
    shows_all = is_long and st.toggle(f"Show all {len(found):,}", key=f"log all {case.key}")
    st.html(_STYLE + table_html(found if shows_all else found[:_FIRST_ROWS], erased))
    if is_long and not shows_all:
        st.caption(f"The {_FIRST_ROWS} newest are shown.")


def table_html(rows: list[tuple[str, ...]], erased: set[str]) -> str:
    """The rows as HTML, in which every cell is the text that it is."""
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    cells = (
        (" class=erased" if row[0] in erased else "", "".join(f"<td>{quote_html(cell)}</td>" for cell in row))
        for row in rows
    )
    lines = (f"<tr{kind}>{content}</tr>" for kind, content in cells)
    return f'<table class="log-table"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


page_head("Log")
case = require_case()
log, earlier = services().cases.read_log(case.key), services().cases.earlier_log(case.key)
show_state(log, len(earlier))
if rows := table_rows(log, earlier):
    show_table(case, rows, set(map(str, log.erased)))
elif not log.fault:
    st.info("**Nothing was done in this case yet.** What you do is listed here.", icon=":material/history:")
